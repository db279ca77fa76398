import type { Result } from "../../diagnostics/diagnostic.ts";
import type { Batch, Model } from "../../model/model.ts";
import type { RunTensor } from "../inputs/tensors.ts";

export interface InferenceRequest {
  readonly model: Model;
  /** Images of a run. */
  readonly batch: Batch;
  /** Module paths whose outputs are wanted besides the model's own. */
  readonly taps: readonly string[];
}

/** A model that is prepared for one kind of machine once, and takes weights as often as they change. */
export interface Inference {
  /** Whoever loads disposes. A `Failure` says what the machine refused. */
  load(weights: (name: string) => Promise<Float32Array>): Promise<Loaded>;
  close(): Promise<void>;
}

/** A model with its weights. */
export interface Loaded {
  /** Outputs of a batch of images by name. A `Failure` says what the machine refused. */
  run(inputs: ReadonlyMap<string, RunTensor>): Promise<ReadonlyMap<string, RunTensor>>;
  dispose(): void;
}

/** Prepares a model for running. */
export type OpenInference = (request: InferenceRequest) => Promise<Result<Inference>>;
