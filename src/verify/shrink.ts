import { classifierOf, type Head, type Model, totalStride } from "../model/model.ts";
import type { Case } from "./random-model.ts";

/** Each a step towards the plainest model; a step that does not apply gives the model as it is. */
const steps: readonly ((of: Case) => Case)[] = [
  of => ({ ...of, batch: 1 }),
  of => withModel(of, model => fitted({ ...model, stages: model.stages.slice(0, -1) })),
  of => withModel(of, model => ({ ...model, stages: model.stages.map(stage => ({ ...stage, depth: 1 })) })),
  of => withModel(of, model => ({ ...model, stages: model.stages.map(stage => ({ ...stage, kernel: 1 })) })),
  of =>
    withModel(of, model => ({
      ...model,
      stages: model.stages.map(stage => ({ ...stage, kernel: Math.min(stage.kernel, 3) })),
    })),
  of => withModel(of, model => ({ ...model, stages: model.stages.map(stage => ({ ...stage, dim: 1 })) })),
  of =>
    withModel(of, model => ({
      ...model,
      stages: model.stages.map(stage => ({ ...stage, dim: Math.min(stage.dim, 4) })),
    })),
  of =>
    withModel(of, model => ({
      ...model,
      stages: model.stages.map(stage => ({ ...stage, dim: Math.ceil(stage.dim / 2) })),
    })),
  of => withModel(of, model => resized(model, { height: 0 })),
  of => withModel(of, model => resized(model, { width: 0 })),
  of => withModel(of, model => resized(model, { height: model.input.height / 2 })),
  of => withModel(of, model => resized(model, { width: model.input.width / 2 })),
  of => withModel(of, model => smaller(model, "height")),
  of => withModel(of, model => smaller(model, "width")),
  of => withModel(of, model => ({ ...model, input: { ...model.input, channels: 1 } })),
  of => withModel(of, model => ({ ...model, mlpRatio: 1 })),
  of => withModel(of, model => ({ ...model, activation: "gelu" })),
  of => withModel(of, model => ({ ...model, normEps: 1e-6 })),
  of => withModel(of, model => ({ ...model, layerScale: null })),
  of => withModel(of, ({ convBias: _, ...model }) => model),
  of => withModel(of, ({ normLayer: _, ...model }) => model),
  of => withModel(of, model => ({ ...model, stem: { patch: model.stem.patch } })),
  of => withModel(of, model => ({ ...model, grn: "none" })),
  of => withModel(of, model => (model.grn === "per_batch" ? { ...model, grn: "per_sample" } : model)),
  of => withModel(of, model => ({ ...model, head: withStrides(model.head) })),
  of => withModel(of, model => ({ ...model, head: plainer(model.head) })),
];

const withModel = (of: Case, change: (model: Model) => Model): Case => ({ ...of, model: change(of.model) });
const strideOf = ({ stem, stages }: Model): number => totalStride(stem.patch, stages.length);

/** Sides of about that many pixels, whole strides and at least one. */
function resized(model: Model, wanted: { readonly height?: number; readonly width?: number }): Model {
  const stride = strideOf(model);
  const side = (pixels: number): number => Math.max(1, Math.floor(pixels / stride)) * stride;
  const { height, width } = { ...model.input, ...wanted };
  return { ...model, input: { ...model.input, height: side(height), width: side(width) } };
}

/** One whole stride, and what was left over. */
function smaller(model: Model, side: "height" | "width"): Model {
  const stride = strideOf(model);
  const over = model.input[side] % stride;
  return over === 0 ? model : { ...model, input: { ...model.input, [side]: stride + over } };
}

/** A head that still fits after stages or sites have gone; without a stage left, no change. */
function fitted(model: Model): Model {
  const { head, stages } = model;
  if (head.kind !== "features") return model;
  const { outputStride, levels, ...rest } = head;
  const left = levels.filter(level => level <= stages.length);
  const apart = outputStride !== undefined && outputStride < strideOf(model) ? { outputStride } : {};
  return { ...model, head: { ...rest, ...apart, levels: left.length > 0 ? left : [stages.length] } };
}

/** Taps side by side. */
function withStrides(head: Head): Head {
  if (head.kind !== "features") return head;
  const { outputStride: _, ...rest } = head;
  return rest;
}

const plainer = (head: Head): Head =>
  head.kind === "fcmae" ? { ...head, decoder: { depth: 1, dim: Math.min(head.decoder.dim, 4) } } : classifierOf(1);

const same = (a: Case, b: Case): boolean => JSON.stringify(text(a)) === JSON.stringify(text(b));
const text = ({ model, batch }: Case): unknown => ({
  ...model,
  span: null,
  stages: model.stages.map(stage => ({ ...stage, span: null })),
  batch,
});

/**
 * The smallest case that still fails, by steps that each make one thing plainer, until none of them leaves a failure.
 * `fails` answers false for what is no model at all.
 */
export async function shrink(from: Case, fails: (of: Case) => Promise<boolean>): Promise<Case> {
  let smallest = from;
  for (let found = true; found; ) {
    found = false;
    for (const step of steps) {
      const next = step(smallest);
      if (next.model.stages.length === 0 || same(next, smallest) || !(await fails(next))) continue;
      smallest = next;
      found = true;
    }
  }
  return smallest;
}
