import { check } from "./errors.ts";

/** The part of an AbortSignal that is used; spelt out, since not every consumer's types have that name. */
export interface Aborting {
  readonly aborted: boolean;
  readonly addEventListener: (type: "abort", listener: () => void) => void;
  readonly removeEventListener: (type: "abort", listener: () => void) => void;
}

/** Whether a model, or another thing on a device, can still be used. */
export interface State {
  readonly dispose: () => void;
  /** Throws DisposedError or DeviceLostError where it cannot. */
  readonly alive: () => void;
  /**
   * Awaits work on the device, and no longer than there is one. When a device is lost or a model disposed of meanwhile,
   * calls fail in many ways, or give rubbish: whatever came of the work, that is what is reported.
   */
  readonly guard: <T>(work: () => Promise<T>) => Promise<T>;
}

interface Loss {
  reason: string | null;
  readonly listeners: Set<() => void>;
}

/** One listener a device: a promise holds on to whoever listens, and models come and go. */
const losses = new WeakMap<GPUDevice, Loss>();

function lossOf(device: GPUDevice): Loss {
  const known = losses.get(device);
  if (known) return known;
  const loss: Loss = { reason: null, listeners: new Set() };
  losses.set(device, loss);
  device.lost.then(({ message, reason }) => {
    loss.reason = message || reason || "unknown reason";
    for (const listener of loss.listeners) listener();
  });
  return loss;
}

export function watch(device: GPUDevice, name: string): State {
  const loss = lossOf(device);
  let disposed = false;
  const alive = (): void => {
    check(!disposed, "disposed", `${name} was disposed of`);
    check(loss.reason === null, "lost", `the GPU device was lost: ${loss.reason}`);
  };
  const finished = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      // What becomes of the device may be told after what became of a call: ask it something else.
      await device.queue.onSubmittedWorkDone().catch(() => {});
      throw cause;
    } finally {
      await null;
      alive();
    }
  };
  return {
    dispose: () => {
      disposed = true;
    },
    alive,
    guard: work =>
      cutShort(finished(work), alive, listener => {
        loss.listeners.add(listener);
        return () => loss.listeners.delete(listener);
      }),
  };
}

export const checkSignal = (signal: Aborting | undefined, what: string): void =>
  check(!signal?.aborted, "aborted", `${what} was aborted`);

/** The same promise, rejected as soon as the signal says so. The work itself goes on: a GPU does not stop halfway. */
export function abortable<T>(work: Promise<T>, signal: Aborting | undefined, what: string): Promise<T> {
  if (!signal) return work;
  return cutShort(
    work,
    () => checkSignal(signal, what),
    listener => {
      signal.addEventListener("abort", listener);
      return () => signal.removeEventListener("abort", listener);
    },
  );
}

/** The same promise, rejected as soon as `wanted` throws; when to ask it is told to a listener, while the work goes on. */
function cutShort<T>(
  work: Promise<T>,
  wanted: () => void,
  listen: (listener: () => void) => () => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      try {
        wanted();
      } catch (cause) {
        reject(cause);
      }
    };
    ask();
    const unlisten = listen(ask);
    work.then(resolve, reject).finally(unlisten);
  });
}
