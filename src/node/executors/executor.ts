import type { Gradients } from "../../compile.ts";
import type { Result } from "../../diagnostics/diagnostic.ts";
import type { Model } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import type { Weights } from "../../weights/tensor.ts";
import type { RunTensor } from "../inputs/tensors.ts";

export interface RunRequest {
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
  readonly inputs: ReadonlyMap<string, RunTensor>;
}

export interface RunReport {
  readonly outputs: ReadonlyMap<string, RunTensor>;
  /** What it ran on, for people. */
  readonly on: string;
  /** The forward pass alone, after everything was loaded; the median where it was repeated. */
  readonly milliseconds: number;
}

/** Runs a model once, on one kind of machine. */
export type Executor = (request: RunRequest) => Promise<Result<RunReport>>;
