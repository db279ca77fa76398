import {
  activation,
  bindingContext,
  bindingsOf,
  dims,
  f16Allowed,
  flat,
  type KernelSource,
  type PatchGeometry,
  patchContext,
  patchTableSlot,
  result,
  vecOf,
} from "./shared.ts";

/** Kept patches of a whole map, one below the other. */
export interface GatherSitesParams extends PatchGeometry {
  readonly channels: number;
}

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
    bindings: bindingsOf(list),
    grid,
    workgroup,
  };
};
