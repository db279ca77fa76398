import type { DepthwiseParams } from "../../../plan/kernels.ts";
import { widestUnrolled } from "../../../plan/tiles/choose-tile.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import {
  activation,
  affineSlots,
  bindingContext,
  dims,
  f16Allowed,
  float,
  type KernelSource,
  operandsOf,
  range,
  result,
  slots,
  statsContext,
  vecOf,
  weight,
  wgslType,
} from "./shared.ts";

export const depthwise = (p: DepthwiseParams): KernelSource => {
  const { height, width, channels, kernel, norm, tile } = p;
  const { strip, sitesPerInvocation, invocations } = tile;
  const vec = vecOf(channels);
  const count = channels / vec;
  const radius = (kernel - 1) / 2;
  const single = strip === sitesPerInvocation && strip >= width; // one invocation makes the whole row: x is 0
  const ragged = width % strip !== 0;
  const unrolled = kernel <= widestUnrolled;
  const inside = (d: number) => !single || (d >= 0 && d < width);
  const columns = range(sitesPerInvocation + kernel - 1)
    .map(i => ({ i, d: i - radius }))
    .filter(({ d }) => inside(d));
  const inputs = columns.map(({ i, d }) => ({
    i,
    guarded: !single && (d < 0 || d >= sitesPerInvocation || ragged),
    before: d < 0,
    column: Math.abs(d),
    offset: d * count,
  }));
  const taps = range(kernel).map(i => ({
    i,
    offset: i * (roundUp(channels, 4) / vec),
    uses: range(sitesPerInvocation)
      .filter(site => inside(site + i - radius))
      .map(site => ({ site, input: site + i })),
  }));
  const list = slots([
    f16Allowed(activation("input", height * width * channels, vec, dims(height, width, channels))),
    weight("weight", kernel * kernel * roundUp(channels, 4), vec, dims(kernel, kernel, roundUp(channels, 4))),
    weight("bias", roundUp(channels, 4), vec, dims(channels)),
    ...affineSlots(norm, channels, vec),
    f16Allowed(result("output", height * width * channels, vec, dims(height, width, channels))),
  ]);
  return {
    template: "wgsl/depthwise",
    context: {
      height,
      width,
      channels,
      kernel,
      radius,
      strip,
      run: sitesPerInvocation,
      invocations,
      count,
      ragged,
      unrolled,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : float(norm.eps),
      acc: wgslType(vec),
      vector: vec === 4,
      lanesOf: vec === 4 ? "4 channels" : "a channel",
      bindings: bindingContext(list),
      tileLength: strip * count,
      imageLength: height * width * count,
      items: (strip / sitesPerInvocation) * count,
      runLast: sitesPerInvocation - 1,
      lastRow: height - 1,
      lastColumn: width - 1,
      rowLength: width * count,
      weightRow: kernel * (roundUp(channels, 4) / vec),
      weightStep: roundUp(channels, 4) / vec,
      sites: range(sitesPerInvocation).map(i => ({ i, offset: i * count })),
      inputs: unrolled ? inputs : [],
      taps: unrolled ? taps.filter(tap => tap.uses.length > 0) : [],
      guarded: !unrolled || inputs.some(input => input.guarded),
      stats:
        norm === null
          ? null
          : statsContext({ tokens: strip, channels, vec, eps: norm.eps, invocations, share: tile.reductionWidth }),
    },
    operands: operandsOf(list),
    grid: [divideUp(width, strip), height],
    workgroup: [invocations, 1],
  };
};
