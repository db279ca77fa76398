import type { WeightGradParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { activation, bindingContext, type KernelSource, operandsOf, slots, weight } from "./shared.ts";

/** Outputs and inputs of a workgroup's tile, and rows that it loads at a time. An invocation makes 4x4 sums. */
const tile = { side: 32, rows: 16, invocations: 64 } as const;

export function weightGrad(p: WeightGradParams): KernelSource {
  const { outputs, inputs, height, width, size, parts, chain } = p;
  const taps = size * size;
  const columns = inputs * taps;
  const rows = height * width;
  const list = slots([
    activation("d", rows * outputs, 1, dims(rows, outputs)),
    activation("input", rows * columns, 1, size === 1 ? dims(rows, inputs) : dims(height * size, width * size, inputs)),
    weight("sums", parts * outputs * columns, 1, dims(parts, outputs, columns), "write"),
  ]);
  const outputTiles = divideUp(outputs, tile.side);
  return {
    template: "wgsl/weight-grad",
    once: true,
    context: {
      outputs,
      inputs,
      columns,
      height,
      width,
      size,
      taps,
      patches: size > 1,
      parts,
      chain,
      outputTiles,
      side: tile.side,
      quads: tile.side / 4,
      tileRows: tile.rows,
      tileQuads: (tile.rows * tile.side) / 4,
      invocations: tile.invocations,
      across: tile.side / 4,
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid: [divideUp(columns, tile.side), outputTiles * parts],
    workgroup: [tile.invocations, 1],
  };
}
