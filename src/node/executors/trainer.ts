import type { Result } from "../../diagnostics/diagnostic.ts";
import type { Model, Recipe } from "../../model/model.ts";
import type { Learned } from "../../training/learned.ts";
import type { Updated, UpdateRequest } from "../../training/optimizer.ts";
import type { RunTensor } from "../inputs/tensors.ts";

/** What a trainer keeps of every parameter: itself, the two moments of AdamW, and the average of the weights. */
export const stateKinds = ["param", "exp_avg", "exp_avg_sq", "ema"] as const;
export type StateKind = (typeof stateKinds)[number];

/** Row-major, in the official order of elements; of 64 bits where the trainer keeps so many. */
export type Elements = Float32Array | Float64Array;

export interface TrainerRequest {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly params: readonly Learned[];
  /**
   * What a parameter starts from; `ema` is asked for only where the recipe has an average. Null where nothing is given: the
   * moments are 0 then, the average the parameter.
   */
  readonly start: (kind: StateKind, name: string) => Promise<Elements | null>;
}

/** A model that learns, on one kind of machine. One call at a time. A `Failure` says what the machine refused. */
export interface Trainer {
  /** What it runs on, for people. */
  readonly on: string;
  /** Adds the gradients of a micro-batch, times its share in the step. Gives its loss, which is not. */
  accumulate(inputs: ReadonlyMap<string, RunTensor>, share: number): Promise<number>;
  /** Changes the weights by what was accumulated since the last time, unless its norm is not finite. */
  update(request: UpdateRequest): Promise<Updated>;
  /** What it keeps of a parameter; `ema` only where the recipe has an average. */
  read(kind: StateKind, name: string): Promise<Elements>;
  close(): Promise<void>;
}

/** Prepares a model for learning. */
export type OpenTrainer = (request: TrainerRequest) => Promise<Result<Trainer>>;
