import type { SiteDepthwiseParams } from "../../../plan/kernels.ts";
import { patchContext } from "../../patches.ts";
import { depthwiseContext, depthwiseSlots } from "./depthwise-shape.ts";
import { bindingContext, type KernelSource, operandsOf, patchTableSlot, plus, range } from "./shared.ts";

/** `siteDepthwise` by rows of the whole map, as `depthwise` makes them. */
export const siteDepthwiseRows = (p: SiteDepthwiseParams): KernelSource => {
  const { keep, rows, columns, down, across, kernel, tile } = p;
  const width = columns * across;
  const context = depthwiseContext(p, [width, width]);
  const { count, radius, weightStep } = context;
  const list = depthwiseSlots(p, [keep * down, across], patchTableSlot(p));
  const taps = range(kernel).map(i => ({
    i,
    offset: plus(i * weightStep),
    uses: range(width).flatMap(site => {
      const input = site + i - radius;
      return input >= 0 && input < width ? [{ site, input }] : [];
    }),
  }));
  return {
    template: "wgsl/site-depthwise-rows",
    context: {
      ...context,
      ...patchContext(p, down, across),
      width,
      bindings: bindingContext(list),
      imageLength: keep * down * across * count,
      lineLength: across * count,
      patchLength: down * across * count,
      lastRow: rows * down - 1,
      patches: range(columns).map(i => ({
        i,
        more: plus(i),
        inputs: range(across).map(k => ({ i: i * across + k, offset: plus(k * count) })),
      })),
      taps: taps.filter(tap => tap.uses.length > 0),
    },
    operands: operandsOf(list),
    grid: [1, rows * down],
    workgroup: [tile.invocations, 1],
  };
};
