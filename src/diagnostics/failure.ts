import { type Diagnostic, fail, type Result } from "./diagnostic.ts";

/** Carries a diagnostic through code that has no other way to give it: a stream, a reader, a loop of system calls. */
export class Failure extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** Runs work that reads through sources; a `Failure` on the way becomes the diagnostic that it carries. */
export async function catchingFailures<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Failure) return fail(cause.diagnostic);
    throw cause;
  }
}
