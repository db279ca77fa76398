import type { NormParams } from "../../../plan/kernels.ts";
import { roundUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  affineSlots,
  f16Allowed,
  literal,
  normContext,
  type PlaceSize,
  plus,
  range,
  result,
  type Slot,
  slots,
  vecOf,
  weight,
  wgslType,
} from "./shared.ts";

interface Shape {
  readonly channels: number;
  readonly kernel: number;
  readonly norm: NormParams | null;
  readonly tile: { readonly invocations: number; readonly reductionWidth: number };
}

/** What convolutions of a channel each have in common: so many sites a group, so many of them an invocation. */
export const depthwiseContext = (
  { channels, kernel, norm, tile }: Shape,
  [strip, run]: readonly [strip: number, run: number],
) => {
  const vec = vecOf(channels);
  const count = channels / vec;
  const weightStep = roundUp(channels, 4) / vec;
  return {
    ...normContext(norm, { tokens: strip, channels, tile }),
    channels,
    kernel,
    radius: (kernel - 1) / 2,
    strip,
    run,
    runLast: run - 1,
    count,
    acc: wgslType(vec),
    vector: vec === 4,
    lanesOf: vec === 4 ? "4 channels" : "a channel",
    tileLength: strip * count,
    items: (strip / run) * count,
    weightRow: kernel * weightStep,
    weightStep,
    sites: range(run).map(i => ({ i, more: plus(i), offset: plus(i * count) })),
  };
};

/** Their operands: a map of some shape to another of the same, and what they multiply and add. */
export const depthwiseSlots = (
  { channels, kernel, norm }: Shape,
  [height, width]: readonly [height: number, width: number],
  table: Slot | null,
  size: PlaceSize = literal,
): readonly Slot[] => {
  const vec = vecOf(channels);
  const padded = roundUp(channels, 4);
  const inner = size("channels", channels);
  const shape = dims(size("height", height), size("width", width), inner);
  return slots([
    f16Allowed(activation("input", height * width * channels, vec, shape)),
    f16Allowed(
      weight("weight", kernel * kernel * padded, vec, dims(kernel, kernel, inner === channels ? padded : inner)),
    ),
    weight("bias", padded, vec, dims(inner)),
    ...affineSlots(norm, channels, vec),
    table,
    f16Allowed(result("output", height * width * channels, vec, shape)),
  ]);
};
