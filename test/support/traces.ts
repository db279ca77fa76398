import { expect } from "vitest";
import type { Model, Recipe } from "../../src/model/model.ts";
import type { RunTensor } from "../../src/node/inputs/tensors.ts";
import { generatorTensor } from "../../src/weights/made/generator.ts";
import { elements, type Weights } from "../../src/weights/tensor.ts";
import { denseName, denseWeights, fcmaeModel, fcmaeSpecText } from "./fcmae.ts";
import { type Golden, goldenWeights, readGolden } from "./golden.ts";
import { goldenSpecText } from "./golden-spec.ts";
import { type RecordedGradient, softTargets, sparseKernel } from "./gradients.ts";
import { goldenModel, nowhere } from "./models.ts";

/** What eight steps of AdamW have recorded of one parameter; see "Traces of training" of test/golden/README.md. */
interface RecordedMove extends Omit<RecordedGradient, "shape"> {
  readonly exp_avg_l2: number;
  readonly exp_avg_sq_l2: number;
  readonly ema_l2: number;
}

type PerMicroBatch<T> = readonly (readonly T[])[];

export interface Trace extends Golden {
  readonly task: "classifier" | "fcmae";
  readonly steps: number;
  readonly optimizer: {
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly decay_rule: "pretrain" | "finetune";
    readonly clip: number | null;
    readonly accumulate: number;
    readonly ema: number;
    readonly layer_decay: number;
    readonly schedule: {
      readonly lr: number;
      readonly min_lr: number;
      readonly warmup: number;
      readonly total: number;
      readonly first: number;
    };
  };
  readonly decayed: readonly string[];
  readonly log: readonly { readonly lr: number; readonly losses: readonly number[]; readonly grad_l2: number }[];
  readonly moved: Readonly<Record<string, RecordedMove>>;
  readonly grn_scope?: "sample" | "batch";
  readonly norm_pix_loss?: boolean;
  readonly masks?: PerMicroBatch<readonly (readonly number[])[]>;
  readonly classes?: number;
  readonly smoothing?: number;
  readonly labels?: PerMicroBatch<readonly number[]>;
  readonly drop_path?: number;
  readonly keeps?: PerMicroBatch<readonly (readonly number[])[]>;
}

export const readTrace = (file: string): Trace => readGolden<Trace>(`train/${file}`);

const grnOf = (trace: Trace): Model["grn"] => (trace.grn_scope === "batch" ? "per_batch" : "per_sample");
const lossOf = (trace: Trace) => (trace.norm_pix_loss ? "norm_pix_loss" : "raw_pix_loss");

/** The model that was trained, and its weights under official names. */
export function traceModel(trace: Trace): { readonly model: Model; readonly weights: Weights } {
  return trace.task === "fcmae"
    ? { model: fcmaeModel(trace, grnOf(trace), lossOf(trace)), weights: denseWeights(trace) }
    : { model: goldenModel(trace), weights: goldenWeights(trace) };
}

/** The recipe that was recorded. */
export function traceRecipe(trace: Trace, model: Model): Recipe {
  const { betas, eps, weight_decay, decay_rule, clip, accumulate, ema, layer_decay, schedule } = trace.optimizer;
  const { lr, min_lr, warmup, total, first } = schedule;
  return {
    name: "trace",
    model: model.name,
    batch: trace.input.shape[0] ?? 0,
    accumulate,
    length: { unit: "steps", count: trace.steps },
    optimizer: { lr, betas, eps, weightDecay: weight_decay, decays: `published_${decay_rule}` },
    schedule: { warmup, total, first, minLr: min_lr },
    clip,
    ema,
    layerDecay: layer_decay,
    layerDecayType: "single",
    dropPath: trace.drop_path ?? 0,
    smoothing: trace.smoothing ?? 0,
    augment: { crop: null, flip: false, mixup: 0, cutmix: 0 },
    seed: trace.seed,
    init: 0.02,
    span: nowhere,
  };
}

/** The same as a user writes it, after its model. */
export function traceSpecText(trace: Trace): string {
  const model =
    trace.task === "fcmae" ? fcmaeSpecText(trace, grnOf(trace), lossOf(trace)) : goldenSpecText(trace, "golden");
  const { betas, eps, weight_decay, decay_rule, clip, accumulate, ema, layer_decay, schedule } = trace.optimizer;
  const { lr, min_lr, warmup, total, first } = schedule;
  return `${model}
train trace {
  model golden
  batch ${trace.input.shape[0]}
  accumulate ${accumulate}
  steps ${trace.steps}
  optimizer adamw {
    lr ${lr}  betas [${betas.join(", ")}]  weight_decay ${weight_decay}  decays published_${decay_rule}  eps ${eps}
  }
  schedule cosine { warmup ${warmup}  total ${total}  first ${first}  min_lr ${min_lr} }
  clip ${clip ?? "none"}
  ema ${ema}
  layer_decay ${layer_decay}
  drop_path ${trace.drop_path ?? 0}
}
`;
}

/** What a micro-batch consists of, as a file of batches has it: `keep` a row a block. */
export function traceBatch(trace: Trace, step: number, micro: number): ReadonlyMap<string, RunTensor> {
  const { shape, mean, halfwidth } = trace.input;
  const images = shape[0] ?? 0;
  const pixels = generatorTensor(trace.seed, `input:${step}:${micro}`, elements(shape), mean, halfwidth);
  const tensors = new Map<string, RunTensor>([["pixel_values", { shape, data: pixels }]]);
  const rows = (name: string, values: readonly (readonly number[])[]) =>
    tensors.set(name, { shape: [values.length, values[0]?.length ?? 0], data: Float32Array.from(values.flat()) });
  const mask = trace.masks?.[step]?.[micro];
  if (mask !== undefined) rows("mask", mask);
  const labels = trace.labels?.[step]?.[micro];
  if (labels !== undefined) {
    const targets = softTargets(labels, trace.classes ?? 0, trace.smoothing ?? 0);
    tensors.set("targets", { shape: [images, trace.classes ?? 0], data: Float32Array.from(targets) });
  }
  const keep = trace.keeps?.[step]?.[micro];
  if (keep !== undefined) rows("keep", keep);
  return tensors;
}

/** Relative, but a sample, which is to a tensor's samples together. */
export interface TraceLimits {
  readonly loss: number;
  readonly norm: number;
  readonly moved: number;
  readonly samples: number;
}

/**
 * Sums in float64. Targets with smoothing, and drop path, are told from a file of float32 numbers; a weight whose gradient is
 * nearly 0 may then move either way.
 */
export const float64Trace: TraceLimits = { loss: 1e-7, norm: 1e-6, moved: 1e-5, samples: 1e-4 };

/** The same read from a checkpoint, whose numbers are of 32 bits: a weight that has moved by a thousandth has lost ten. */
export const savedTrace: TraceLimits = { ...float64Trace, moved: 5e-4, samples: 5e-3 };

/** A float32 backend: test/golden/README.md. */
export const float32Trace: TraceLimits = { loss: 5e-6, norm: 2e-5, moved: 5e-4, samples: 5e-3 };

/** What a step's line in a log says. */
export interface LoggedStep {
  readonly lr: number;
  readonly loss: number;
  readonly grad_norm: number;
}

const off = (found: number, wanted: number): number => Math.abs(found - wanted) / Math.abs(wanted);

/** How far a log is from the recorded one; its learning rates must be the same. */
export function traceErrors(trace: Trace, log: readonly LoggedStep[]) {
  expect(log.length).toBe(trace.steps);
  const losses = trace.log.map(({ losses }) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
  for (const [step, { lr }] of log.entries())
    expect(Math.abs(lr - (trace.log[step]?.lr ?? 0)), `lr of ${step}`).toBeLessThan(1e-14);
  return {
    loss: Math.max(...log.map(({ loss }, step) => off(loss, losses[step] ?? 0))),
    norm: Math.max(...log.map(({ grad_norm }, step) => off(grad_norm, trace.log[step]?.grad_l2 ?? 0))),
  };
}

/** The end of a trace, by official names: how far a parameter has moved, its moments, and how far its average has. */
export interface TraceEnd {
  readonly moved: ArrayLike<number>;
  readonly expAvg: ArrayLike<number>;
  readonly expAvgSq: ArrayLike<number>;
  readonly averageMoved: ArrayLike<number>;
}

const l2 = (values: ArrayLike<number>): number => Math.sqrt(Array.from(values).reduce((sum, v) => sum + v * v, 0));

/** The worst of all parameters, which are laid out as the trace's file has them, or in the official way. */
export function endErrors(
  trace: Trace,
  endOf: (official: string) => TraceEnd,
  layout: "file" | "official" = "official",
) {
  const worst = { moved: 0, samples: 0, expAvg: 0, expAvgSq: 0, ema: 0 };
  const note = (what: keyof typeof worst, error: number) => {
    worst[what] = Math.max(worst[what], Number.isNaN(error) ? Infinity : error);
  };
  for (const [key, shape] of trace.params) {
    const recorded = trace.moved[key] as RecordedMove;
    const end = endOf(denseName(key));
    const moved = layout === "official" && key.endsWith(".kernel") ? sparseKernel(end.moved, shape) : end.moved;
    note("moved", off(l2(moved), recorded.l2));
    const samples = recorded.at.map((at, i) => (moved[at] as number) - (recorded.values[i] as number));
    note("samples", l2(samples) / l2(recorded.values));
    note("expAvg", off(l2(end.expAvg), recorded.exp_avg_l2));
    note("expAvgSq", off(l2(end.expAvgSq), recorded.exp_avg_sq_l2));
    note("ema", off(l2(end.averageMoved), recorded.ema_l2));
  }
  return worst;
}
