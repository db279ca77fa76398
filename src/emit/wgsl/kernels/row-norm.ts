import type { RowNormParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  f16Allowed,
  grid1,
  type KernelSource,
  normContext,
  operandsOf,
  result,
  sizesFor,
  slots,
  vecOf,
  wgslType,
} from "./shared.ts";

export const rowNorm = (p: RowNormParams, shared: boolean): KernelSource => {
  const { rows, channels, norm, tile } = p;
  const { strip, invocations } = tile;
  const vec = vecOf(channels);
  const { size, taken } = sizesFor(shared);
  const shape = dims(size("rows", rows), size("channels", channels));
  const list = slots([
    f16Allowed(activation("input", rows * channels, vec, shape)),
    ...affineSlots(norm, channels, vec),
    f16Allowed(result("output", rows * channels, vec, shape)),
  ]);
  const [x, y] = grid1(divideUp(rows, strip));
  return {
    template: "wgsl/row-norm",
    context: {
      rows: size("rows", rows),
      channels: size("channels", channels),
      strip,
      count: size("count", channels / vec),
      ...normContext(norm, { tokens: strip, channels, tile }, size),
      acc: wgslType(vec),
      bindings: bindingContext(list, shared),
    },
    operands: operandsOf(list),
    sizes: taken,
    grid: [x, y],
    workgroup: [invocations, 1],
  };
};
