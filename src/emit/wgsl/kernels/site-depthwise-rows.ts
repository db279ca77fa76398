import type { NormParams, SiteDepthwiseParams } from "../../../plan/kernels.ts";
import { roundUp } from "../../../plan/tiles/tile.ts";
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
  wgslType,
} from "./shared.ts";

/** `siteDepthwise` by rows of the whole map, as `depthwise` makes them. */
export const siteDepthwiseRows = (p: SiteDepthwiseParams, norm: NormParams): KernelSource => {
  const { keep, rows, columns, down, across, channels, kernel, tile } = p;
  const { invocations } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const padded = roundUp(channels, 4);
  const radius = (kernel - 1) / 2;
  const width = columns * across;
  const list = slots([
    f16Allowed(activation("input", keep * down * across * channels, vec, dims(keep * down, across, channels))),
    weight("weight", kernel * kernel * padded, vec, dims(kernel, kernel, padded)),
    weight("bias", padded, vec, dims(channels)),
    ...affineSlots(norm, channels, vec),
    patchTableSlot(p),
    f16Allowed(result("output", keep * down * across * channels, vec, dims(keep * down, across, channels))),
  ]);
  const taps = range(kernel).map(i => ({
    i,
    offset: i * (padded / vec),
    uses: range(width).flatMap(site => {
      const input = site + i - radius;
      return input >= 0 && input < width ? [{ site, input }] : [];
    }),
  }));
  return {
    template: "wgsl/site-depthwise-rows",
    context: {
      ...patchContext(p, down, across),
      channels,
      kernel,
      radius,
      invocations,
      count,
      width,
      affine: norm.affine,
      eps: float(norm.eps),
      acc: wgslType(vec),
      vector: vec === 4,
      lanesOf: vec === 4 ? "4 channels" : "a channel",
      bindings: bindingContext(list),
      tileLength: width * count,
      imageLength: keep * down * across * count,
      lineLength: across * count,
      patchLength: down * across * count,
      lastRow: rows * down - 1,
      weightRow: kernel * (padded / vec),
      sites: range(width).map(i => ({ i, offset: i * count })),
      patches: range(columns).map(i => ({
        i,
        inputs: range(across).map(k => ({ i: i * across + k, offset: k * count })),
      })),
      taps: taps.filter(tap => tap.uses.length > 0),
      stats: statsContext({ tokens: width, channels, vec, eps: norm.eps, invocations, share: tile.reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [1, rows * down],
    workgroup: [invocations, 1],
  };
};
