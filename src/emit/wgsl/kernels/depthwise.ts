import type { DepthwiseParams } from "../../../plan/kernels.ts";
import { widestUnrolled } from "../../../plan/tiles/choose-tile.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { depthwiseContext, depthwiseSlots } from "./depthwise-shape.ts";
import { bindingContext, type KernelSource, normContext, operandsOf, plusTimes, range, sizesFor } from "./shared.ts";

export const depthwise = (p: DepthwiseParams, shared: boolean): KernelSource => {
  const { height, width, channels, kernel, dilation = 1, norm, tile } = p;
  const { strip, sitesPerInvocation, invocations } = tile;
  const { size, taken } = sizesFor(shared);
  const context = depthwiseContext(p, [strip, sitesPerInvocation]);
  const { radius } = context;
  const count = size("count", context.count);
  const weightStep = size("weightStep", context.weightStep);
  // One invocation makes the whole row: x is 0.
  const single = !shared && strip === sitesPerInvocation && strip >= width;
  const ragged = shared || width % strip !== 0;
  const unrolled = kernel <= widestUnrolled;
  const inside = (d: number) => !single || (d >= 0 && d < width);
  const reach = radius * dilation;
  const read = new Set(range(kernel).flatMap(i => range(sitesPerInvocation).map(site => site + i * dilation)));
  const columns = range(sitesPerInvocation + (kernel - 1) * dilation)
    .map(i => ({ i, d: i - reach }))
    .filter(({ i, d }) => read.has(i) && inside(d));
  const inputs = columns.map(({ i, d }) => ({
    i,
    guarded: !single && (d < 0 || d >= sitesPerInvocation || ragged),
    before: d < 0,
    column: Math.abs(d),
    offset: plusTimes(d, count),
  }));
  const taps = range(kernel).map(i => ({
    i,
    offset: plusTimes(i, weightStep),
    uses: range(sitesPerInvocation)
      .filter(site => inside(site + i * dilation - reach))
      .map(site => ({ site, input: site + i * dilation })),
  }));
  const list = depthwiseSlots(p, [height, width], null, size);
  return {
    template: "wgsl/depthwise",
    context: {
      ...context,
      channels: size("channels", channels),
      count,
      items: size("items", context.items),
      weightStep,
      weightRow: size("weightRow", context.weightRow),
      sites: context.sites.map(site => ({ ...site, offset: plusTimes(site.i, count) })),
      ...normContext(norm, { tokens: strip, channels, tile }, size),
      height: size("height", height),
      width: size("width", width),
      ragged,
      unrolled,
      reach,
      dilated: dilation > 1,
      apart: dilation > 1 ? ` * ${dilation}` : "",
      dilation,
      bindings: bindingContext(list, shared),
      imageLength: size("imageLength", height * width * context.count),
      lastRow: size("lastRow", height - 1),
      lastColumn: size("lastColumn", width - 1),
      rowLength: size("rowLength", width * context.count),
      inputs: unrolled ? inputs : [],
      taps: unrolled ? taps.filter(tap => tap.uses.length > 0) : [],
      guarded: !unrolled || inputs.some(input => input.guarded),
    },
    operands: operandsOf(list),
    sizes: taken,
    grid: [divideUp(width, strip), height],
    workgroup: [invocations, 1],
  };
};
