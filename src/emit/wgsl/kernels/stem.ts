import { type StemParams, stemSites } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import { patchContext } from "../../patches.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  dims,
  f16Allowed,
  float,
  type KernelSource,
  operandsOf,
  patchTableSlot,
  range,
  result,
  slots,
  statsContext,
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
  const patchQuads = vectorLoads ? patch / 4 : patch;
  const ragged = outWidth % strip !== 0;
  const sites = range(sitesPerInvocation).map(i => ({ i, offset: i * patchQuads, tileOffset: i * count }));
  const list = slots([
    activation("input", inChannels * height * width, vectorLoads ? 4 : 1, dims(inChannels, height, width)),
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
      invocations,
      ragged,
      matrix,
      sites,
      columnStep: patchQuads === 1 ? null : patchQuads,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      vector: vec === 4,
      count,
      bindings: bindingContext(list),
      tileLength: strip * count,
      items: (strip / sitesPerInvocation) * count,
      runLast: sitesPerInvocation - 1,
      lastColumn: outWidth - 1,
      grid: grid === null ? null : { ...patchContext(grid, outHeight / grid.keep, outWidth) },
      imageLength: (inChannels * height * width) / (vectorLoads ? 4 : 1),
      rowLength: vectorLoads ? width / 4 : width,
      weightStep: patch * count,
      quadLoads: matrix && !vectorLoads,
      taps: range(matrix ? patch / 4 : patch).map(i => ({
        i,
        step: vectorLoads ? i : matrix ? 4 * i : i,
        offset0: (matrix ? 4 * i : i) * count,
        offset1: (4 * i + 1) * count,
        offset2: (4 * i + 2) * count,
        offset3: (4 * i + 3) * count,
        sites: sites.map(site => ({ ...site, tap: i, step: vectorLoads ? i : matrix ? 4 * i : i })),
      })),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: tile.reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [divideUp(outWidth, strip), outHeight],
    workgroup: [invocations, 1],
  };
};
