import type { SiteDepthwiseParams } from "../../../plan/kernels.ts";
import { widestUnrolled } from "../../../plan/tiles/choose-tile.ts";
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
  wgslType,
} from "./shared.ts";
import { siteDepthwiseRows } from "./site-depthwise-rows.ts";

export const siteDepthwise = (p: SiteDepthwiseParams): KernelSource => {
  const { keep, down, across, columns, channels, kernel, norm, tile } = p;
  if (tile.rowsOf === "map" && norm !== null) return siteDepthwiseRows(p, norm);
  const { strip, sitesPerInvocation, invocations } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const padded = roundUp(channels, 4);
  const radius = (kernel - 1) / 2;
  // Else every tap's patch is found by itself.
  const unrolled = sitesPerInvocation === across && kernel <= widestUnrolled;
  const sites = keep * down * across;
  const reach = divideUp(radius, across);
  const weights = range(kernel).map(i => ({ i, offset: i * (padded / vec) }));
  /** Of the patches left and right of a row's own: their columns that the row's taps meet, and those taps. */
  const patches = range(2 * reach + 1).map(i => {
    const offset = i - reach;
    const own = offset * across + radius;
    const first = Math.max(-radius - offset * across, 0);
    const last = Math.min(across - 1 + radius - offset * across, across - 1);
    return {
      offset: Math.abs(offset),
      before: offset < 0,
      after: offset > 0,
      taps: weights.slice(Math.max(own - sitesPerInvocation + 1, 0), own + across),
      inputs: range(last - first + 1).map(k => ({
        i: first + k,
        offset: (first + k) * count,
        uses: range(sitesPerInvocation).flatMap(site => {
          const tap = own + first + k - site;
          return tap >= 0 && tap < kernel ? [{ site, tap }] : [];
        }),
      })),
    };
  });
  // Small patches share few taps of a row with one kept neighbour: load them where one is found, if that is less.
  const found = patches.reduce(
    (sum, { offset, taps }) => sum + taps.length * (offset === 0 ? 1 : keep / (p.rows * columns)),
    0,
  );
  const late = found < kernel;
  const list = slots([
    f16Allowed(activation("input", sites * channels, vec, dims(keep * down, across, channels))),
    weight("weight", kernel * kernel * padded, vec, dims(kernel, kernel, padded)),
    weight("bias", padded, vec, dims(channels)),
    ...affineSlots(norm, channels, vec),
    patchTableSlot(p),
    f16Allowed(result("output", sites * channels, vec, dims(keep * down, across, channels))),
  ]);
  return {
    template: "wgsl/site-depthwise",
    context: {
      ...patchContext(p, down, across),
      lines: keep * down,
      channels,
      kernel,
      radius,
      strip,
      run: sitesPerInvocation,
      invocations,
      count,
      ragged: sites % strip !== 0,
      unrolled,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      acc: wgslType(vec),
      vector: vec === 4,
      lanesOf: vec === 4 ? "4 channels" : "a channel",
      bindings: bindingContext(list),
      tileLength: strip * count,
      imageLength: sites * count,
      lineLength: across * count,
      items: (strip / sitesPerInvocation) * count,
      runLast: sitesPerInvocation - 1,
      lastSite: sites - sitesPerInvocation,
      siteCount: sites,
      height: p.rows * down,
      width: columns * across,
      below: p.rows * down + radius,
      beyond: columns * across + radius,
      weightRow: kernel * (padded / vec),
      weightStep: padded / vec,
      sites: range(sitesPerInvocation).map(i => ({ i, offset: i * count })),
      late,
      taps: unrolled ? weights : [],
      neighbours: unrolled ? patches : [],
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: tile.reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [1, divideUp(sites, strip)],
    workgroup: [invocations, 1],
  };
};
