import type { ToChannelsFirstParams } from "../../../plan/kernels.ts";
import { divideUp } from "../../../plan/tile.ts";
import { activation, bindingContext, dims, type KernelSource, operandsOf, result, slots } from "./shared.ts";

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
    operands: operandsOf(list),
    grid: [divideUp(sites, strip), 1],
    workgroup: [invocations, 1],
  };
};
