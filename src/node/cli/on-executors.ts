import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import type { ExecutorName } from "../executors/executors.ts";
import { readStdin } from "../files/read.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { enterGpuProcess } from "../gpu/gpu-process.ts";
import { type Job, type JobName, jobs } from "../jobs/jobs.ts";
import { runJob } from "../jobs/run-job.ts";
import { type Outcome, outcome } from "../outcome/outcome.ts";

type Executing = Extract<JobName, "run" | "classify" | "reconstruct" | "verify" | "differential">;
type Given<K extends Executing> = Parameters<Job<K>>[0];
type Answer<K extends Executing> = Awaited<ReturnType<Job<K>>>;

/** What its place decides of a job. */
type Placed = "adapter" | "stdin";

export interface Place {
  readonly on: readonly ExecutorName[];
  /** Of WebGPU; null for any. */
  readonly adapter: AdapterKind | null;
  /** Cap on the memory of a thread. Tensors are outside the heap; what it bounds is the rest. */
  readonly mebibytes?: number;
  /** What is said where there is no such adapter (default: why there is none). */
  readonly without?: (why: readonly Diagnostic[]) => Promise<Outcome>;
}

/**
 * Runs a job where its executors can: WebGPU in a process that was started for the adapter; CUDA in this one, whose
 * children then end with it; the others in a thread. Standard input is read there too, since only one can.
 */
export async function onExecutors<K extends Executing>(
  name: K,
  { on, adapter, mebibytes = 2048, without = async why => outcome({ diagnostics: why }) }: Place,
  job: Omit<Given<K>, Placed>,
  settle: (answer: Answer<K>) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const placed = async (kind: AdapterKind | null): Promise<Given<K>> => {
    const spec = "spec" in job ? [job.spec as string] : [];
    return { ...job, adapter: kind, stdin: await readStdin(spec) } as unknown as Given<K>;
  };
  const here = async (kind: AdapterKind | null): Promise<Answer<K>> => {
    const work = (await jobs[name]()) as (given: Given<K>) => Promise<Answer<K>>;
    return work(await placed(kind));
  };
  if (on.includes("webgpu")) {
    const entered = await enterGpuProcess(adapter);
    if (!entered.ok) return without(entered.diagnostics);
    if (entered.value.role === "parent") return outcome({ exitCode: entered.value.exitCode });
    return settle(await here(entered.value.kind));
  }
  if (on.some(executor => executor.startsWith("cuda"))) return settle(await here(null));
  return settle((await runJob(name, [await placed(null)] as never, mebibytes)) as Answer<K>);
}
