import { divideUp, type NormTile } from "../tile.ts";
import { activation, bindingContext, bindingsOf, dims, type KernelSource, result, slots } from "./shared.ts";

export interface ToChannelsFirstParams {
  readonly sites: number;
  readonly channels: number;
  readonly tile: NormTile;
}

export const toChannelsFirst = (p: ToChannelsFirstParams): KernelSource => {
  const { sites, channels, tile } = p;
  const { strip, invocations } = tile;
  const list = slots([
    activation("input", sites * channels, 1, dims(sites, channels)),
    result("output", sites * channels, 1, dims(channels, sites)),
  ]);
  return {
    template: "to-channels-first",
    context: {
      sites,
      channels,
      strip,
      invocations,
      ragged: sites % strip !== 0,
      stripLength: strip * channels,
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [divideUp(sites, strip), 1],
    workgroup: [invocations, 1],
  };
};
