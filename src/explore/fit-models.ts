import type { Span } from "../diagnostics/diagnostic.ts";
import { classifierOf, type Input, type Model } from "../model/model.ts";
import { usualPreprocess } from "../model/preprocess.ts";

const nowhere: Span = { source: { name: "calibration", text: "" }, start: 0, end: 0 };

/** One stage of so many sites a side, channels, blocks, and taps a side of the depthwise convolution. */
type Shape = readonly [side: number, dim: number, depth: number, kernel: number];

/**
 * Small models of one stage whose times tell a device's numbers apart: the same blocks more or less often, wide and
 * narrow, on large maps and small ones, with few taps and many.
 */
const shapes: readonly Shape[] = [
  [56, 24, 1, 7],
  [56, 24, 4, 7],
  [56, 64, 1, 7],
  [56, 64, 3, 7],
  [56, 48, 3, 3],
  [28, 48, 1, 7],
  [28, 48, 5, 7],
  [28, 128, 1, 7],
  [28, 128, 3, 7],
  [28, 96, 4, 3],
  [14, 96, 2, 7],
  [14, 96, 8, 7],
  [14, 256, 1, 7],
  [14, 256, 4, 7],
  [7, 192, 2, 7],
  [7, 192, 8, 7],
  [7, 512, 1, 7],
  [7, 512, 4, 7],
];

const ofPictures = (input: Input): Pick<Model, "input" | "preprocess"> => ({
  input,
  preprocess: usualPreprocess(input),
});

/** What `cnxc calibrate` times. */
export const calibrationModels: readonly Model[] = shapes.map(([side, dim, depth, kernel]) => ({
  name: `stage_${side}x${side}x${dim}_${depth}_${kernel}`,
  ...ofPictures({ height: 4 * side, width: 4 * side, channels: 3 }),
  stem: { patch: 4 },
  stages: [{ depth, dim, kernel, span: nowhere }],
  mlpRatio: 4,
  activation: "gelu",
  normEps: 1e-6,
  grn: "per_sample",
  layerScale: null,
  head: classifierOf(10),
  weightsSha256: null,
  span: nowhere,
}));
