import type { Diagnostic } from "./diagnostic.ts";

/** Carries a diagnostic through code that has no other way to give it: a stream, a reader, a loop of system calls. */
export class Failure extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}
