import type { Result } from "../../diagnostics/diagnostic.ts";
import type { KernelConfig } from "../../explore/lowering.ts";
import type { Model } from "../../model/model.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { spawnWithAdapter } from "../gpu/gpu-process.ts";
import { childModule } from "../process/child-module.ts";
import { liveLine } from "../process/live-line.ts";
import { onceIn } from "../process/pace.ts";
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

/** Milliseconds between lines about it in a pipe, where each stays. */
const interval = 10_000;

/** Milliseconds of a pass of each model on an adapter: medians of runs in turn, `enough` milliseconds of them each. */
export async function measure(
  kind: AdapterKind,
  requests: readonly MeasureRequest[],
  enough = 1500,
): Promise<Result<readonly number[]>> {
  const line = liveLine(onceIn(interval));
  const job = { kind, requests, enough } satisfies MeasureJob;
  const found = await spawnWithAdapter<readonly number[], MeasureProgress>(
    kind,
    childModule("executors/measure-child"),
    job,
    ({ what, done, of }) => {
      const text = `${what} ${Math.min(of, Math.floor(done) + 1)} of ${of} models on ${kind}`;
      line.show(text, text);
    },
  );
  line.end();
  return found;
}
