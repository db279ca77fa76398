import { type GemvParams, gemvPacked } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  bindingContext,
  epilogueContext,
  f16Allowed,
  type KernelSource,
  operandsOf,
  result,
  slots,
  tailOf,
  vecOf,
  weight,
} from "./shared.ts";

export const gemv = (p: GemvParams): KernelSource => {
  const { depth, columns, tile } = p;
  const [invocationsX, invocationsY] = tile.workgroup;
  const packed = gemvPacked(tile, { depth, columns });
  const vec = vecOf(depth);
  const columnVec = vecOf(columns);
  const weightQuads = packed.columns / 4;
  const quads = Math.floor(depth / 4);
  const list = slots([
    activation("input", depth, vec, dims(depth)),
    f16Allowed(weight("weight", packed.depth * packed.columns, 4, dims(packed.depth, packed.columns))),
    weight("bias", packed.columns, 4, dims(packed.columns)),
    result("output", columns, columnVec, dims(columns)),
  ]);
  return {
    template: "wgsl/gemv",
    context: {
      ...epilogueContext(
        { columns, rows: 1, gelu: null, residual: false, mask: null },
        false,
        divideUp(columns, 4) % invocationsX !== 0,
      ),
      ...tailOf(depth),
      title: p.title,
      depth,
      bindings: bindingContext(list),
      split: invocationsY > 1,
      lanesX: invocationsX,
      lanesY: invocationsY,
      invocations: invocationsX * invocationsY,
      rowLength: depth / vec,
      vector: vec === 4,
      quads,
      tailRow: 4 * quads * weightQuads,
      tailStart: 4 * quads,
      weightQuads,
      weightRow1: weightQuads,
      weightRow2: 2 * weightQuads,
      weightRow3: 3 * weightQuads,
    },
    operands: operandsOf(list),
    grid: [divideUp(columns, 4 * invocationsX), 1],
    workgroup: [invocationsX, invocationsY],
  };
};
