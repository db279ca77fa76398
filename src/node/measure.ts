import { ok, type Result } from "../diagnostics/diagnostic.ts";
import type { Form } from "../explore/lowering.ts";
import type { Model } from "../model/model.ts";
import type { AdapterKind } from "./adapters.ts";
import { childModule } from "./child-module.ts";
import { spawnWithAdapter } from "./gpu-process.ts";

/** A model to time, on random weights and images. */
export interface MeasureRequest {
  readonly model: Model;
  readonly form: Pick<Form, "dtype" | "batch">;
}

/** Milliseconds of a pass of each model on an adapter, medians, each in a process of its own. */
export async function measure(
  kind: AdapterKind,
  requests: readonly MeasureRequest[],
  progress: (done: number) => void,
): Promise<Result<readonly number[]>> {
  const times: number[] = [];
  for (const [done, request] of requests.entries()) {
    progress(done);
    const time = await spawnWithAdapter<number>(kind, childModule("measure-child"), { ...request, kind });
    if (!time.ok) return time;
    times.push(time.value);
  }
  return ok(times);
}
