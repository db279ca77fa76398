import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { StorageType } from "../../model/model.ts";
import { type ExecutorName, executorStorage } from "./executors.ts";

export interface Storage {
  readonly on: ExecutorName;
  readonly dtype: StorageType;
  readonly tf32: boolean;
}

/** Why an executor cannot store or multiply as it is asked to, or null. */
export function storageProblem({ on, dtype, tf32 }: Storage, stored = executorStorage[on]): Diagnostic | null {
  if (!stored.includes(dtype))
    return error("bad-option-value", null, "--dtype", dtype, `${stored.join(" or ")} on ${on}`);
  if (tf32 && !on.startsWith("cuda")) return error("tf32-misplaced", null, `on ${on}`, "--on cuda or cuda-cpu");
  return tf32 && dtype !== "f32" ? error("tf32-misplaced", null, dtype, "--dtype f32") : null;
}
