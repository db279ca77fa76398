import type { Result } from "../../diagnostics/diagnostic.ts";
import type { KernelConfig } from "../../explore/lowering.ts";
import type { Model } from "../../model/model.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { spawnWithAdapter } from "../gpu/gpu-process.ts";
import { childModule } from "../process/child-module.ts";
import { progress } from "../process/progress.ts";
import type { MeasureJob } from "./measure-child.ts";

/** A model to time, on random weights and images. */
export interface MeasureRequest {
  readonly model: Model;
  readonly form: Pick<KernelConfig, "dtype" | "batch">;
}

export interface MeasureProgress {
  readonly what: "loading" | "timing";
  readonly done: number;
  readonly of: number;
}

/** Milliseconds of a pass of each model on an adapter: medians of runs in turn, `enough` milliseconds of them each. */
export const measure = (
  kind: AdapterKind,
  requests: readonly MeasureRequest[],
  enough = 1500,
): Promise<Result<readonly number[]>> =>
  spawnWithAdapter<readonly number[], MeasureProgress>(
    kind,
    childModule("executors/measure-child"),
    { kind, requests, enough } satisfies MeasureJob,
    ({ what, done, of }) => progress(`${what} ${Math.min(of, Math.floor(done) + 1)} of ${of} models on ${kind}`),
  );
