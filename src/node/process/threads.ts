import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { childModule } from "./child-module.ts";

/** Threads of one module that answer tasks, each one task after the other, in the order in which it was given them. */
export interface Threads<T, A> {
  readonly count: number;
  /** Gives a task to the thread that has least to do. What the thread throws ends it, and is thrown here. */
  run(task: T): Promise<A>;
  /** Ends them, whatever they are about. */
  close(): Promise<void>;
}

/** One core is left to who asks. */
export const usualThreads = (): number => Math.min(8, Math.max(1, availableParallelism() - 1));

/** Memory of a thread's own objects, in MiB, which no picture takes: a heap that ran full would end the whole process. */
const memoryCap = 1536;

interface Waiting<A> {
  readonly resolve: (answer: A) => void;
  readonly reject: (cause: unknown) => void;
}

interface Thread<A> {
  readonly worker: Worker;
  readonly waiting: Waiting<A>[];
}

/** Threads are started when there is something to do for them, and keep no process alive that waits for nothing. */
export function openThreads<T, A>(module: string, data: unknown, count: number): Threads<T, A> {
  const threads: Thread<A>[] = [];
  const start = (): Thread<A> => {
    const worker = new Worker(childModule(module), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: memoryCap },
    });
    const waiting: Waiting<A>[] = [];
    worker.unref();
    worker.on("message", (answer: A) => {
      const next = waiting.shift();
      if (waiting.length === 0) worker.unref();
      next?.resolve(answer);
    });
    const thread = { worker, waiting };
    /** It gets no more tasks from here on, though it may not have ended yet. */
    const end = (cause: unknown): void => {
      if (threads.includes(thread)) threads.splice(threads.indexOf(thread), 1);
      for (const { reject } of waiting.splice(0)) reject(cause);
    };
    worker.on("error", cause => {
      const full = "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
      end(full ? new Failure(error("memory-cap", null, memoryCap)) : cause);
    });
    worker.on("exit", code => end(new Error(`a thread of '${module}' ended early with code ${code}`)));
    return thread;
  };
  const leastBusy = (): Thread<A> => {
    const [least] = threads.toSorted((a, b) => a.waiting.length - b.waiting.length);
    if (least !== undefined && (least.waiting.length === 0 || threads.length === count)) return least;
    const thread = start();
    threads.push(thread);
    return thread;
  };
  return {
    count,
    run: task =>
      new Promise((resolve, reject) => {
        const { worker, waiting } = leastBusy();
        waiting.push({ resolve, reject });
        worker.ref();
        worker.postMessage(task);
      }),
    close: async () => {
      await Promise.all(threads.splice(0).map(({ worker }) => worker.terminate()));
    },
  };
}
