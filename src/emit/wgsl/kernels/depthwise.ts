import type { DepthwiseParams } from "../../../plan/kernels.ts";
import { widestUnrolled } from "../../../plan/tiles/choose-tile.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { depthwiseContext, depthwiseSlots } from "./depthwise-shape.ts";
import { bindingContext, type KernelSource, operandsOf, plus, range } from "./shared.ts";

export const depthwise = (p: DepthwiseParams): KernelSource => {
  const { height, width, kernel, dilation = 1, tile } = p;
  const { strip, sitesPerInvocation, invocations } = tile;
  const context = depthwiseContext(p, [strip, sitesPerInvocation]);
  const { count, radius, weightStep } = context;
  const single = strip === sitesPerInvocation && strip >= width; // one invocation makes the whole row: x is 0
  const ragged = width % strip !== 0;
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
    offset: plus(d * count),
  }));
  const taps = range(kernel).map(i => ({
    i,
    offset: plus(i * weightStep),
    uses: range(sitesPerInvocation)
      .filter(site => inside(site + i * dilation - reach))
      .map(site => ({ site, input: site + i * dilation })),
  }));
  const list = depthwiseSlots(p, [height, width], null);
  return {
    template: "wgsl/depthwise",
    context: {
      ...context,
      height,
      width,
      ragged,
      unrolled,
      reach,
      dilated: dilation > 1,
      apart: dilation > 1 ? ` * ${dilation}` : "",
      dilation,
      bindings: bindingContext(list),
      imageLength: height * width * count,
      lastRow: height - 1,
      lastColumn: width - 1,
      rowLength: width * count,
      inputs: unrolled ? inputs : [],
      taps: unrolled ? taps.filter(tap => tap.uses.length > 0) : [],
      guarded: !unrolled || inputs.some(input => input.guarded),
    },
    operands: operandsOf(list),
    grid: [divideUp(width, strip), height],
    workgroup: [invocations, 1],
  };
};
