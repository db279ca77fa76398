import type { GrnScaleParams } from "../../../plan/kernels.ts";
import { roundUp } from "../../../plan/tile.ts";
import { activation, bindingContext, dims, float, type KernelSource, operandsOf, result, weight } from "./shared.ts";

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
    operands: operandsOf(list),
    grid: [1, 1],
    workgroup: [invocations, 1],
  };
};
