import { divideUp, type NormTile } from "../tile.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  bindingsOf,
  dims,
  float,
  type KernelSource,
  type NormParams,
  result,
  slots,
  statsContext,
} from "./shared.ts";

export interface ToChannelsFirstParams {
  readonly sites: number;
  readonly channels: number;
  readonly norm: NormParams | null;
  readonly tile: NormTile;
}

export const toChannelsFirst = (p: ToChannelsFirstParams): KernelSource => {
  const { sites, channels, norm, tile } = p;
  const { strip, invocations, reductionWidth } = tile;
  const list = slots([
    activation("input", sites * channels, 1, dims(sites, channels)),
    ...affineSlots(norm, channels, 1),
    result("output", sites * channels, 1, dims(channels, sites)),
  ]);
  return {
    template: "to-channels-first",
    context: {
      sites,
      channels,
      strip,
      invocations,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      ragged: sites % strip !== 0,
      stripLength: strip * channels,
      bindings: bindingContext(list),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec: 1, eps: norm.eps, invocations, share: reductionWidth }),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(sites, strip), 1],
    workgroup: [invocations, 1],
  };
};
