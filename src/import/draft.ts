import { type Classifier, classifierOf, type Head, type Model } from "../model/model.ts";
import { usualPreprocess } from "../model/preprocess.ts";

/** All that a spec says of a model but its file of weights, from wherever it was read. */
export type Draft = Omit<Model, "stages" | "weightsSha256" | "span"> & {
  readonly stages: readonly { readonly depth: number; readonly dim: number; readonly kernel: number }[];
};

/** What a classifier of timm may have beside its classes. */
export type HeadStyle = Pick<Classifier, "hiddenSize" | "normFirst">;

export interface Imported {
  readonly draft: Draft;
  /** What was decided because its source does not say it, or says it otherwise; a sentence each. */
  readonly notes: readonly string[];
}

/** A JSON object as it was read. */
export type Json = Readonly<Record<string, unknown>>;

/** What is asked for beside the source. */
export interface ImportOptions {
  /** The model's name; null for one that fits. */
  readonly name: string | null;
  /** The maps of all stages instead of the source's own head. */
  readonly features: boolean;
}

/** What a field is where nothing is said of it, as docs/language.md has it. */
export const defaults = {
  input: { height: 224, width: 224, channels: 3 },
  preprocess: usualPreprocess({ height: 224, width: 224, channels: 3 }),
  stem: { patch: 4 },
  mlpRatio: 4,
  activation: "gelu",
  normEps: 1e-6,
  grn: "per_sample",
  layerScale: null,
  head: classifierOf(1000),
} as const satisfies Partial<Draft>;

export const defaultKernel = 7;

/** The initial layer scale of V1, in the official code, timm and transformers. */
export const usualLayerScale = 1e-6;

/** The raw maps of all stages, as timm's `features_only` gives them. */
export const allFeatures = (stages: number): Head => ({
  kind: "features",
  levels: Array.from({ length: stages }, (_, i) => i + 1),
  norm: false,
});
