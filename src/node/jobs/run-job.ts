import { Worker } from "node:worker_threads";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { errnoOf } from "../files/errno.ts";
import { noteAll } from "../files/read-so-far.ts";
import { childModule } from "../process/child-module.ts";
import type { Job, JobName } from "./jobs.ts";
import type { Answer } from "./worker.ts";

/** Memory of a job unless it says otherwise, in MiB. A heap that ran full would end the whole process, uncatchably. */
const memoryCap = 384;

type Value<K extends JobName> = Awaited<ReturnType<Job<K>>>;

/** Runs a job in a thread with a memory cap. Arguments and result are cloned. What it throws is thrown
 *  here, and a full memory as a `Failure`. */
export function runJob<K extends JobName>(
  name: K,
  args: Parameters<Job<K>>,
  mebibytes: number = memoryCap,
): Promise<Value<K>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(childModule("jobs/worker"), {
      workerData: { name, args },
      resourceLimits: { maxOldGenerationSizeMb: mebibytes },
    });
    worker.once("message", ({ value, read }: Answer) => {
      noteAll(read);
      resolve(value as Value<K>);
    });
    worker.once("error", cause => {
      if (errnoOf(cause) === "ERR_WORKER_OUT_OF_MEMORY") reject(new Failure(error("memory-cap", null, mebibytes)));
      else reject(cause);
    });
    worker.once("exit", code => reject(new Error(`the thread of '${name}' ended early with code ${code}`)));
  });
}
