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
  slots,
  vecOf,
  wgslType,
} from "./shared.ts";

export const rowNorm = (p: RowNormParams): KernelSource => {
  const { rows, channels, norm, tile } = p;
  const { strip, invocations } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const list = slots([
    f16Allowed(activation("input", rows * channels, vec, dims(rows, channels))),
    ...affineSlots(norm, channels, vec),
    f16Allowed(result("output", rows * channels, vec, dims(rows, channels))),
  ]);
  const [x, y] = grid1(divideUp(rows, strip));
  return {
    template: "wgsl/row-norm",
    context: {
      rows,
      channels,
      strip,
      count,
      ...normContext(norm, { tokens: strip, channels, tile }),
      acc: wgslType(vec),
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid: [x, y],
    workgroup: [invocations, 1],
  };
};
