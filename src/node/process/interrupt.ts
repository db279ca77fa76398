import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Signal = (typeof signals)[number];

/** What must be undone when the user interrupts. Synchronous: there is no later. */
const cleanups = new Set<() => void>();
let delegate: ((signal: Signal) => void) | null = null;

/** The exit code that a shell expects of what a signal ended. */
export const signalExitCode = (signal: Signal): number => 128 + constants.signals[signal];

/** Ends this process at a signal, at once, after undoing what is half done; `last` is undone in any case. */
export function installSignals(last: () => void): void {
  for (const signal of signals)
    process.on(signal, () => {
      if (delegate !== null) return delegate(signal);
      for (const cleanup of [...cleanups, last]) {
        try {
          cleanup();
        } catch {
          // what cannot be undone now, the next run undoes
        }
      }
      process.exit(signalExitCode(signal));
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

/**
 * Work that looks now and then whether it shall stop, and then leaves what it has. `asked` gives the signal that said so;
 * a second one ends the process at once.
 */
export async function stoppable<T>(work: (asked: () => Signal | null) => Promise<T>): Promise<T> {
  let asked: Signal | null = null;
  delegate = signal => {
    asked = signal;
    delegate = null;
  };
  try {
    return await work(() => asked);
  } finally {
    delegate = null;
  }
}
