import type { SiteDepthwiseParams } from "../../../plan/kernels.ts";
import { widestUnrolled } from "../../../plan/tiles/choose-tile.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { patchContext } from "../../patches.ts";
import { depthwiseContext, depthwiseSlots } from "./depthwise-shape.ts";
import { bindingContext, type KernelSource, operandsOf, patchTableSlot, plus, range } from "./shared.ts";
import { siteDepthwiseRows } from "./site-depthwise-rows.ts";

export const siteDepthwise = (p: SiteDepthwiseParams): KernelSource => {
  const { keep, down, across, columns, kernel, norm, tile } = p;
  if (tile.rowsOf === "map" && norm !== null) return siteDepthwiseRows(p);
  const { strip, sitesPerInvocation, invocations } = tile;
  const context = depthwiseContext(p, [strip, sitesPerInvocation]);
  const { count, radius, weightStep } = context;
  // Else every tap's patch is found by itself.
  const unrolled = sitesPerInvocation === across && kernel <= widestUnrolled;
  const sites = keep * down * across;
  const reach = divideUp(radius, across);
  const weights = range(kernel).map(i => ({ i, offset: plus(i * weightStep) }));
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
        offset: plus((first + k) * count),
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
  const list = depthwiseSlots(p, [keep * down, across], patchTableSlot(p));
  return {
    template: "wgsl/site-depthwise",
    context: {
      ...context,
      ...patchContext(p, down, across),
      ragged: sites % strip !== 0,
      unrolled,
      bindings: bindingContext(list),
      imageLength: sites * count,
      lineLength: across * count,
      lastSite: sites - sitesPerInvocation,
      siteCount: sites,
      height: p.rows * down,
      width: columns * across,
      below: p.rows * down + radius,
      beyond: columns * across + radius,
      late,
      taps: unrolled ? weights : [],
      neighbours: unrolled ? patches : [],
    },
    operands: operandsOf(list),
    grid: [1, divideUp(sites, strip)],
    workgroup: [invocations, 1],
  };
};
