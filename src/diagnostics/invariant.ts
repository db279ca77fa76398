/** A bug in cnxc itself. Never caught in the core; the command line prints how to report it and exits with 70. */
export class InternalError extends Error {
  override readonly name = "InternalError";
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
