import { type StemParams, stemSites } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import { patchContext } from "../../patches.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  f16Allowed,
  type KernelSource,
  normContext,
  operandsOf,
  patchTableSlot,
  plus,
  range,
  result,
  slots,
  vecOf,
  weight,
} from "./shared.ts";

export const stem = (p: StemParams): KernelSource => {
  const { height, width, inChannels, channels, patch, grid, norm, tile } = p;
  const { strip, sitesPerInvocation, invocations } = tile;
  const { height: outHeight, width: outWidth } = stemSites(p);
  const vec = vecOf(channels);
  const padded = roundUp(channels, 4);
  const count = padded / 4;
  const matrix = patch % 4 === 0;
  const vectorLoads = matrix && width % 4 === 0;
  /** Pixels that one load brings, and those that one multiplication takes. */
  const loaded = vectorLoads ? 4 : 1;
  const multiplied = matrix ? 4 : 1;
  const sites = range(sitesPerInvocation).map(i => ({ i, more: plus(i) }));
  const list = slots([
    activation("input", inChannels * height * width, loaded, dims(inChannels, height, width)),
    weight("weight", inChannels * patch * patch * padded, 4, dims(inChannels, patch, patch, padded)),
    weight("bias", padded, 4, dims(channels)),
    ...affineSlots(norm, channels, vec),
    grid === null ? null : patchTableSlot(grid),
    f16Allowed(result("output", outHeight * outWidth * channels, vec, dims(outHeight, outWidth, channels))),
  ]);
  return {
    template: "wgsl/stem",
    context: {
      height,
      width,
      inChannels,
      channels,
      patch,
      outHeight,
      outWidth,
      strip,
      run: sitesPerInvocation,
      whole: outWidth % strip === 0,
      matrix,
      vectorLoads,
      sites,
      columnStep: patch === loaded ? "" : ` * ${patch / loaded}`,
      ...normContext(norm, { tokens: strip, channels, tile }),
      vector: vec === 4,
      count,
      bindings: bindingContext(list),
      tileLength: strip * count,
      items: (strip / sitesPerInvocation) * count,
      runLast: sitesPerInvocation - 1,
      lastColumn: outWidth - 1,
      grid: grid === null ? null : { ...patchContext(grid, outHeight / grid.keep, outWidth) },
      rowLength: width / loaded,
      weightStep: patch * count,
      taps: range(patch / multiplied).map(i => {
        const step = plus((i * multiplied) / loaded);
        return { i, offset: plus(i * multiplied * count), step, sites: sites.map(site => ({ ...site, tap: i, step })) };
      }),
    },
    operands: operandsOf(list),
    grid: [divideUp(outWidth, strip), outHeight],
    workgroup: [invocations, 1],
  };
};
