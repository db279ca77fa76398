import { roundUp } from "../tile.ts";
import { activation, bindingContext, bindingsOf, dims, float, type KernelSource, result, weight } from "./shared.ts";

export interface GrnScaleParams {
  readonly channels: number;
  readonly tiles: number;
  /** One scale for the whole batch instead of one an image. */
  readonly batch: boolean;
  readonly invocations: number;
}

export const grnScale = (p: GrnScaleParams): KernelSource => {
  const { channels, tiles, batch, invocations } = p;
  const padded = roundUp(channels, 4);
  const list = [
    activation("partials", tiles * padded, 4, dims(tiles, channels)),
    weight("gamma", padded, 4, dims(channels)),
    result("scale", padded, 4, dims(channels)),
  ];
  return {
    template: "grn-scale",
    context: {
      channels,
      tiles,
      batch,
      invocations,
      count: padded / 4,
      channelsFloat: float(channels),
      bindings: bindingContext(list),
    },
    bindings: bindingsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
