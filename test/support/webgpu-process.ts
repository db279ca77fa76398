import { type ChildProcess, fork } from "node:child_process";
import * as path from "node:path";
import { type AdapterKind, findAdapter } from "../../src/node/gpu/adapters.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import type { PreprocessDescriptor } from "../../src/runtime/pictures/descriptor.ts";
import type { RgbaImage } from "../../src/runtime/pictures/sources.ts";
import type { GeneratorRow } from "../../src/weights/made/generator.ts";

/** Rows of a golden file, made where they are needed, or tensors as they are. */
export type JobWeights =
  | { readonly kind: "generated"; readonly seed: number; readonly rows: readonly GeneratorRow[] }
  | { readonly kind: "tensors"; readonly tensors: ReadonlyMap<string, Float32Array> };

/** A model, and the inputs of the runs it is wanted for. */
export interface Job {
  readonly descriptor: ModelDescriptor;
  readonly weights: JobWeights;
  readonly runs: readonly Readonly<Record<string, Float32Array<ArrayBuffer>>>[];
}

export interface JobResult {
  /** One a run, by name. */
  readonly outputs: readonly Readonly<Record<string, Float32Array>>[];
  /** The last run. */
  readonly milliseconds: number;
}

/** Images for a model's preprocessing. */
export interface PreprocessJob {
  readonly descriptor: PreprocessDescriptor;
  readonly images: readonly RgbaImage[];
}

/** Models that one device runs, one after the other, and that share what pipelines they have in common. */
export interface SharedJob {
  readonly models: readonly Job[];
}

export type AnyJob = Job | SharedJob | PreprocessJob;
type AnyResult = JobResult | readonly JobResult[] | Float32Array;

type Answer =
  | "ready"
  | { readonly id: number; readonly value: AnyResult }
  | { readonly id: number; readonly failure: string };

/** Takes one job after another, so that a test file starts one process. A process that dies fails its jobs alone. */
export interface WebgpuProcess {
  readonly run: (job: Job) => Promise<JobResult>;
  readonly runTogether: (job: SharedJob) => Promise<readonly JobResult[]>;
  /** `pixel_values`. */
  readonly preprocess: (job: PreprocessJob) => Promise<Float32Array>;
  readonly end: () => void;
}

/** Whether the driver that npm brings runs here at all: it is built for Linux on x64. */
export const hasSwiftShader = process.platform === "linux" && process.arch === "x64";

export async function startWebgpu(kind: AdapterKind): Promise<WebgpuProcess> {
  const found = await findAdapter(kind);
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  const { environment } = found.value;
  let running: ChildProcess | null = null;
  let waiting = new Map<number, { resolve: (result: AnyResult) => void; reject: (cause: Error) => void }>();
  let ids = 0;

  const start = async (): Promise<ChildProcess> => {
    const child = fork(path.join(import.meta.dirname, "webgpu-child.mjs"), {
      env: { ...process.env, ...environment },
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let said = "";
    child.stderr?.on("data", part => {
      said = `${said}${part}`.slice(-2000);
    });
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", () => reject(new Error(`the WebGPU process did not start: ${said}`)));
    });
    child.on("message", (answer: Exclude<Answer, "ready">) => {
      const job = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ("failure" in answer) job?.reject(new Error(answer.failure));
      else job?.resolve(answer.value);
    });
    child.on("exit", (code, signal) => {
      const left = waiting;
      waiting = new Map();
      if (running === child) running = null;
      for (const job of left.values())
        job.reject(new Error(`the WebGPU process ended with ${signal ?? code}: ${said}`));
    });
    return child;
  };

  let queue: Promise<unknown> = Promise.resolve();
  const send = (job: AnyJob): Promise<AnyResult> => {
    const next = queue.then(async () => {
      running ??= await start();
      const child = running;
      const id = ids++;
      return new Promise<AnyResult>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, job });
      });
    });
    queue = next.catch(() => {});
    return next;
  };
  return {
    run: async job => (await send(job)) as JobResult,
    runTogether: async job => (await send(job)) as readonly JobResult[],
    preprocess: async job => (await send(job)) as Float32Array,
    end: () => {
      running?.kill();
    },
  };
}
