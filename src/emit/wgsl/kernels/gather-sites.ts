import type { GatherSitesParams } from "../../../plan/kernels.ts";
import { patchContext } from "../../patches.ts";
import {
  activation,
  bindingContext,
  dims,
  f16Allowed,
  flat,
  type KernelSource,
  operandsOf,
  patchTableSlot,
  result,
  vecOf,
} from "./shared.ts";

export const gatherSites = (p: GatherSitesParams): KernelSource => {
  const { rows, columns, keep, down, across, channels } = p;
  const vec = vecOf(channels);
  const [height, width] = [rows * down, columns * across];
  const count = (keep * down * across * channels) / vec;
  const { context, grid, workgroup } = flat(count);
  const list = [
    f16Allowed(activation("input", height * width * channels, vec, dims(height, width, channels))),
    patchTableSlot(p),
    f16Allowed(result("output", keep * down * across * channels, vec, dims(keep * down, across, channels))),
  ];
  return {
    template: "gather-sites",
    context: {
      ...patchContext(p, down, across),
      height,
      width,
      channels,
      channelCount: channels / vec,
      ...context,
      inputCount: (height * width * channels) / vec,
      lineCount: (across * channels) / vec,
      rowCount: (width * channels) / vec,
      bindings: bindingContext(list),
    },
    operands: operandsOf(list),
    grid,
    workgroup,
  };
};
