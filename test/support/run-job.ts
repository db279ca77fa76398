import { type JobName, jobs } from "../../src/node/jobs/jobs.ts";
import type * as threads from "../../src/node/jobs/run-job.ts";

/**
 * What the command line calls in tests in the place of src/node/jobs/run-job.ts: see vitest.config.ts. What a job is
 * given and gives is cloned as between threads. Threads themselves: test/node/process/interrupt.test.ts.
 */
export const runJob = (async (name: JobName, args: readonly unknown[]) => {
  const job = (await jobs[name]()) as (...given: readonly unknown[]) => unknown;
  return structuredClone(await job(...structuredClone(args)));
}) as typeof threads.runJob;
