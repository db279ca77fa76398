import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof signals)[number];

/** What must be undone when the user interrupts. Synchronous: there is no later. */
const cleanups = new Set<() => void>();
let delegate: ((signal: Signal) => void) | null = null;

/** Ends this process with 128 + the signal's number, at once, after undoing what is half done. */
export function installSignals(): void {
  for (const signal of signals)
    process.on(signal, () => {
      if (delegate !== null) return delegate(signal);
      for (const cleanup of cleanups) {
        try {
          cleanup();
        } catch {
          // what cannot be undone now, the next run undoes
        }
      }
      process.exit(128 + constants.signals[signal]);
    });
}

/** Registers what an interrupt undoes; the function it gives takes it back. */
export function onInterrupt(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** While a child does the work, signals are its to handle, and this process lives until it has ended. */
export async function delegating<T>(to: (signal: Signal) => void, work: Promise<T>): Promise<T> {
  delegate = to;
  try {
    return await work;
  } finally {
    delegate = null;
  }
}
