import { check, ModelError } from "./errors.ts";

/** The part of an AbortSignal that is used; spelt out, since not every consumer's types have that name. */
export interface Aborting {
  readonly aborted: boolean;
  readonly addEventListener: (type: "abort", listener: () => void) => void;
  readonly removeEventListener: (type: "abort", listener: () => void) => void;
}

/** Whether a model can still be used. */
export interface State {
  readonly dispose: () => void;
  /** Throws DisposedError or DeviceLostError where it cannot. */
  readonly alive: () => void;
  /**
   * Awaits work on the device. When a device is lost or a model disposed of meanwhile, calls fail in many ways, or
   * give rubbish: whatever came of the work, that is what is reported.
   */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
}

export function watch(device: GPUDevice, name: string): State {
  let lost: string | null = null;
  let disposed = false;
  device.lost.then(info => {
    lost = info.message || info.reason || "unknown reason";
  });
  const alive = (): void => {
    check(!disposed, "disposed", `${name} was disposed of`);
    check(lost === null, "lost", `the GPU device was lost: ${lost}`);
  };
  return {
    dispose: () => {
      disposed = true;
    },
    alive,
    guard: async work => {
      try {
        return await work();
      } catch (cause) {
        // What becomes of the device may be told after what became of a call: ask it something else.
        if (!(cause instanceof ModelError)) await device.queue.onSubmittedWorkDone().catch(() => {});
        throw cause;
      } finally {
        await null;
        alive();
      }
    },
  };
}

export const checkSignal = (signal: Aborting | undefined, what: string): void =>
  check(!signal?.aborted, "aborted", `${what} was aborted`);

/** The same promise, rejected as soon as the signal says so. The work itself goes on: a GPU does not stop halfway. */
export function abortable<T>(work: Promise<T>, signal: Aborting | undefined, what: string): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new ModelError("aborted", `${what} was aborted`));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
