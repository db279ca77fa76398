import { fail, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { ModelError, type ModelErrorCode } from "../../runtime/errors.ts";

/** What comes of some work of the runtime; where that throws, what the command says of it. */
export async function told<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ModelError) return fail(explain[cause.code](cause.message));
    throw cause;
  }
}

/** The same, thrown as a `Failure`. */
export async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof ModelError ? new Failure(explain[cause.code](cause.message)) : cause;
  }
}

/** What went wrong at run time, as the command says it. */
const explain: { readonly [K in ModelErrorCode]: (why: string) => ReturnType<typeof error> } = {
  adapter: why => error("no-adapter", null, "WebGPU", why),
  limit: why => error("device-refused", null, why),
  lost: why => error("device-lost", null, why),
  "out-of-memory": why => error("out-of-gpu-memory", null, why),
  shader: why => error("shader-rejected", null, "WGSL", why),
  input: why => error("run-refused", null, why),
  weights: why => error("run-refused", null, why),
  fetch: why => error("run-refused", null, why),
  onnx: why => error("run-refused", null, why),
  aborted: () => error("aborted", null),
  disposed: () => error("disposed", null),
};
