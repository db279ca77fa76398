import type { PoolParams } from "../../../plan/kernels.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  dims,
  f16Allowed,
  float,
  type KernelSource,
  operandsOf,
  result,
  slots,
  statsContext,
  vecOf,
  wgslType,
} from "./shared.ts";

/** Longest plain sum of a mean; longer ones are summed in blocks. */
const longestSum = 1024;

export const pool = (p: PoolParams): KernelSource => {
  const { sites, channels, norm, tile } = p;
  const { invocations, reductionWidth } = tile;
  const vec = vecOf(channels);
  const list = slots([
    f16Allowed(activation("input", sites * channels, vec, dims(sites, channels))),
    ...affineSlots(norm, channels, vec),
    result("output", channels, vec, dims(channels)),
  ]);
  return {
    template: "wgsl/pool",
    context: {
      sites,
      channels,
      invocations,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      acc: wgslType(vec),
      count: channels / vec,
      sitesFloat: float(sites),
      blocked: sites > longestSum,
      block: 256,
      bindings: bindingContext(list),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: 1, channels, vec, eps: norm.eps, invocations, share: reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
