import type { Gradients } from "../../compile.ts";
import type { Result } from "../../diagnostics/diagnostic.ts";
import type { Model } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import type { Weights } from "../../weights/tensor.ts";
import type { RunTensor } from "../inputs/tensors.ts";

/** What of a run stays the same from batch to batch. */
export interface RunSetup {
  readonly model: Model;
  /** Images of every input. */
  readonly batch: number;
  /** Module paths whose outputs are wanted besides the model's own. */
  readonly taps: readonly string[];
  /** How the stages of a masked encoder are computed. */
  readonly sites: SiteLayout;
  /** Gradients that are outputs too, `grad.<name>`, in official names and shapes. */
  readonly learning?: Gradients | null;
  readonly weights: Weights;
}

export interface RunRequest extends RunSetup {
  readonly inputs: ReadonlyMap<string, RunTensor>;
}

export interface RunReport {
  readonly outputs: ReadonlyMap<string, RunTensor>;
  /** What it ran on, for people. */
  readonly on: string;
  /** The forward pass alone, after everything was loaded; the median where it was repeated. */
  readonly milliseconds: number;
}

/** Runs a model once. */
export type Executor = (request: RunRequest) => Promise<Result<RunReport>>;

/** Runs a model on a batch, as often as it is wanted, one after another. */
export type Run = (inputs: RunRequest["inputs"]) => Promise<Result<RunReport>>;

/** Makes a model ready with its weights on one kind of machine, for as long as it is used. */
export type Prepare = <T>(setup: RunSetup, use: (run: Run) => Promise<Result<T>>) => Promise<Result<T>>;

/** For a single run. */
export const once =
  (prepare: Prepare): Executor =>
  ({ inputs, ...setup }) =>
    prepare(setup, run => run(inputs));
