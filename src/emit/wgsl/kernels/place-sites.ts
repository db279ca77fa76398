import type { PlaceSitesParams } from "../../../plan/kernels.ts";
import { patchContext } from "../../patches.ts";
import {
  activation,
  bindingContext,
  dims,
  f16Allowed,
  flat,
  type KernelSource,
  maskSlot,
  operandsOf,
  patchTableSlot,
  result,
  slots,
  vecOf,
  weight,
  wgslType,
} from "./shared.ts";

export const placeSites = (p: PlaceSitesParams): KernelSource => {
  const { rows, columns, keep, down, across, channels, from, token } = p;
  const vec = vecOf(channels);
  const [height, width] = [rows * down, columns * across];
  const count = (height * width * channels) / vec;
  const compact = from === "compact";
  const inputSites = compact ? keep * down * across : height * width;
  const { context, grid, workgroup } = flat(count);
  const list = slots([
    f16Allowed(
      activation(
        "input",
        inputSites * channels,
        vec,
        compact ? dims(keep * down, across, channels) : dims(height, width, channels),
      ),
    ),
    compact ? patchTableSlot(p) : maskSlot(p),
    token ? weight("token", channels, vec, dims(channels)) : null,
    f16Allowed(result("output", height * width * channels, vec, dims(height, width, channels))),
  ]);
  return {
    template: "place-sites",
    context: {
      ...patchContext(p, down, across),
      mask: { ...patchContext(p, down, across), width },
      height,
      width,
      channels,
      compact,
      token,
      acc: wgslType(vec),
      channelCount: channels / vec,
      ...context,
      inputCount: (inputSites * channels) / vec,
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid,
    workgroup,
  };
};
