import { fail, type Result } from "../diagnostics/diagnostic.ts";
import { Failure } from "../diagnostics/failure.ts";

export { Failure };

/** Runs work that reads through file sources; a `Failure` on the way becomes the diagnostic that it carries. */
export async function catchingFailures<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Failure) return fail(cause.diagnostic);
    throw cause;
  }
}
