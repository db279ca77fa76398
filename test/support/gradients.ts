import { expect } from "vitest";
import { widen } from "../../src/graph/evaluate.ts";
import { denseName, denseWeights, type FcmaeGolden, fcmaeModel, type Loss } from "./fcmae.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "./golden.ts";
import { goldenModel } from "./models.ts";

/** What a golden file recorded of one gradient; see "Gradients" of test/golden/README.md. */
export interface RecordedGradient {
  readonly shape: readonly number[];
  readonly l2: number;
  readonly at: readonly number[];
  readonly values: readonly number[];
}

export interface GradientGolden extends Golden {
  readonly loss: number;
  readonly grad_l2: number;
  readonly grads: Readonly<Record<string, RecordedGradient>>;
}

export interface DenseGradients extends GradientGolden {
  readonly labels: readonly number[];
  readonly smoothing: number;
}

export interface FcmaeGradients extends GradientGolden, Pick<FcmaeGolden, "mask"> {
  readonly grn_scope: "sample" | "batch";
  readonly loss_kind: Loss;
}

/** Relative to the gradient's own norm, and to its rms. */
export interface GradientLimits {
  readonly loss: number;
  readonly l2: number;
  readonly sample: number;
}

/** Sums in float64: what is left is the rounding of the recorded values. */
export const float64: GradientLimits = { loss: 1e-9, l2: 1e-9, sample: 1e-6 };

/** A float32 backend, from "Tolerances" of test/golden/README.md; `offset` alone has ten times these. */
export const float32Gradients = (file: string): GradientLimits => {
  const by = file.includes("offset") ? 10 : 1;
  return { loss: 2e-6 * by, l2: 2e-5 * by, sample: 1e-4 * by };
};

/** Labels with their smoothing, a row an image. */
export function softTargets(labels: readonly number[], classes: number, smoothing: number): Float64Array {
  const targets = new Float64Array(labels.length * classes).fill(smoothing / classes);
  labels.forEach((label, image) => {
    targets[image * classes + label] = smoothing / classes + 1 - smoothing;
  });
  return targets;
}

/** A classifier whose gradients were recorded, with its weights and all that it learns from. */
export function denseGradients(file: string) {
  const golden = readGolden<DenseGradients>(`dense-grad/${file}`);
  const model = goldenModel(golden);
  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const classes = model.head.kind === "classifier" ? model.head.classes : 0;
  const targets = softTargets(golden.labels, classes, golden.smoothing);
  const inputs = new Map([
    ["pixel_values", widen(shape, values)],
    ["targets", { shape: [batch, classes], data: targets }],
  ]);
  return { golden, model, batch, weights: goldenWeights(golden), inputs };
}

/** The same of a masked autoencoder, whose files name and lay out parameters as the sparse training state does. */
export function fcmaeGradients(file: string) {
  const golden = readGolden<FcmaeGradients>(`fcmae-grad/${file}`);
  const model = fcmaeModel(golden, golden.grn_scope === "sample" ? "per_sample" : "per_batch", golden.loss_kind);
  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const mask = Float32Array.from(golden.mask.flat());
  const inputs = new Map([
    ["pixel_values", widen(shape, values)],
    ["mask", widen([batch, mask.length / batch], mask)],
  ]);
  return { golden, model, batch, weights: denseWeights(golden), inputs };
}

/** Whether gradients under official names are those that a file recorded, in whichever layout it did. */
export function expectGradients(
  golden: GradientGolden,
  gradient: (official: string) => { readonly data: ArrayLike<number> },
  limits: GradientLimits,
): void {
  for (const [key, recorded] of Object.entries(golden.grads)) {
    const { data } = gradient(key === "input" ? "pixel_values" : denseName(key));
    const found = key.endsWith(".kernel") ? sparseKernel(data, recorded.shape) : data;
    expectGradient(key, found, recorded, limits);
  }
}

/** Whether a gradient is the recorded one, element by element as the file has it. */
export function expectGradient(
  key: string,
  found: ArrayLike<number>,
  recorded: RecordedGradient,
  limits: GradientLimits,
): void {
  const elements = recorded.shape.reduce((a, b) => a * b, 1);
  expect(found.length, key).toBe(elements);
  let squares = 0;
  for (let i = 0; i < found.length; i++) squares += (found[i] as number) ** 2;
  expect(Math.abs(Math.sqrt(squares) / recorded.l2 - 1), `${key} l2`).toBeLessThan(limits.l2);
  const rms = recorded.l2 / Math.sqrt(elements);
  recorded.at.forEach((index, i) => {
    const off = Math.abs((found[index] as number) - (recorded.values[i] as number)) / rms;
    expect(off, `${key}[${index}]`).toBeLessThan(limits.sample);
  });
}

/** k[y + 7x, c] = w[c,0,y,x]; k[y + 2x, i, o] = w[o,i,y,x]. */
export function sparseKernel(dense: ArrayLike<number>, shape: readonly number[]): Float64Array {
  const [taps, inputs, outputs] = (shape.length === 2 ? [shape[0], 1, shape[1]] : shape) as [number, number, number];
  const side = Math.sqrt(taps);
  const sparse = new Float64Array(dense.length);
  let from = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) sparse[((y + side * x) * inputs + i) * outputs + o] = dense[from++] as number;
  return sparse;
}
