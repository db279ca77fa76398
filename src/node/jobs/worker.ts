// The thread that `runJob` starts.
import { parentPort, workerData } from "node:worker_threads";
import { type JobName, jobs } from "./jobs.ts";

const { name, args } = workerData as { readonly name: JobName; readonly args: readonly unknown[] };
const job = (await jobs[name]()) as (...args: readonly unknown[]) => unknown;
parentPort?.postMessage(await job(...args));
