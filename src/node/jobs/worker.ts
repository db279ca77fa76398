// The thread that `runJob` starts.
import { parentPort, workerData } from "node:worker_threads";
import { readSoFar } from "../files/read-so-far.ts";
import { type JobName, jobs } from "./jobs.ts";

/** What a thread gives back: files that it has read count as its starter's. */
export interface Answer {
  readonly value: unknown;
  readonly read: ReadonlyMap<string, string>;
}

const { name, args } = workerData as { readonly name: JobName; readonly args: readonly unknown[] };
const job = (await jobs[name]()) as (...args: readonly unknown[]) => unknown;
const value = await job(...args);
parentPort?.postMessage({ value, read: readSoFar() } satisfies Answer);
