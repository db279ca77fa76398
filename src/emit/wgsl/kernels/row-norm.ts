import type { RowNormParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  dims,
  f16Allowed,
  float,
  grid1,
  type KernelSource,
  operandsOf,
  result,
  slots,
  statsContext,
  vecOf,
  wgslType,
} from "./shared.ts";

export const rowNorm = (p: RowNormParams): KernelSource => {
  const { rows, channels, norm, tile } = p;
  const { strip, invocations, reductionWidth } = tile;
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
      invocations,
      count,
      affine: norm.affine,
      eps: float(norm.eps),
      acc: wgslType(vec),
      ragged: rows % strip !== 0,
      stripLength: strip * count,
      bindings: bindingContext(list),
      stats: statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [x, y],
    workgroup: [invocations, 1],
  };
};
