import { readFile, writeFile } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { emit, type Unit } from "../../compile.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { type CudaOptions, cudaTarget } from "../../emit/cuda/target.ts";
import { inMemoryContext } from "../../emit/target.ts";
import type { Batch, StorageType } from "../../model/model.ts";
import { f16Params, type Plan } from "../../plan/plan.ts";
import { elements } from "../../weights/tensor.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import { withTempFolder } from "../files/temp-folder.ts";
import type { RunTensor } from "../inputs/tensors.ts";
import { version } from "../process/version.ts";
import type { RunRequest } from "./executor.ts";
import { buildCuda, type CudaMachine, runTool } from "./toolchain.ts";

/** Our CUDA library of one model, built from its generated sources: a program that reads and writes files. */
export interface CudaLibrary {
  readonly machine: CudaMachine;
  readonly program: string;
  readonly plan: Plan;
  /** Parameters that it stores as f16. */
  readonly half: ReadonlySet<string>;
}

export interface CudaBuild extends Pick<CudaOptions, "tf32" | "tuned"> {
  readonly dtype: StorageType;
}

/** A model, and the images of a run: so many, or any number of a range. */
interface LibraryRequest extends Pick<RunRequest, "model" | "taps" | "sites" | "learning"> {
  readonly batch: number | Batch;
}

/** What a library is made from; `machine` decides how it is compiled. */
export function planCuda(request: LibraryRequest, build: CudaBuild): Result<Unit> {
  const context = { ...inMemoryContext, version };
  const { model, batch, taps, sites, learning } = request;
  const target = cudaTarget(build.dtype, build);
  const images = typeof batch === "number" ? { min: batch, max: batch } : batch;
  return emit({ model, target, batch: images, taps, sites, learning, context });
}

/** From the cache, or compiled by nvcc or g++. */
export async function buildLibrary(
  machine: CudaMachine,
  request: LibraryRequest,
  build: CudaBuild,
  progress: (line: string) => void,
): Promise<Result<CudaLibrary>> {
  const unit = planCuda(request, build);
  if (!unit.ok) return unit;
  const built = await buildCuda(machine, unit.value.files, progress);
  if (!built.ok) return built;
  const plan = unit.value.plan as Plan;
  return ok({ machine, program: built.value, plan, half: f16Params(plan) });
}

export interface CudaRun {
  readonly outputs: ReadonlyMap<string, RunTensor>;
  readonly milliseconds: number;
  /** Milliseconds of each launch alone, by the value that it is named after; empty unless asked for. */
  readonly launches: ReadonlyMap<string, number>;
}

/** Runs a library in a process of its own. */
export async function runLibrary(
  library: CudaLibrary,
  request: Pick<RunRequest, "batch" | "weights" | "inputs">,
  times = false,
): Promise<Result<CudaRun>> {
  return withTempFolder(folder => runIn(folder, library, request, times));
}

/** What the programs' exit code means; see their templates. */
const noDevice = 5;

/** What went wrong in a program that has ended. */
export function cudaErrors(code: number, stderr: string): Diagnostic {
  const reason = stderr.trim().split("\n").at(-1) || `it ended with exit code ${code}`;
  return code === noDevice
    ? error("missing-tool", null, "a CUDA device of compute capability 8.0 or newer", "running CUDA kernels", reason)
    : error("tool-failed", null, "the CUDA library", reason);
}

/** Threads of the CPU that run the blocks of a launch. */
export const cudaWorkers = (): string => `${Math.min(4, os.availableParallelism())}`;

async function runIn(
  folder: string,
  { machine, program, plan, half }: CudaLibrary,
  { batch, weights, inputs }: Pick<RunRequest, "batch" | "weights" | "inputs">,
  times: boolean,
): Promise<Result<CudaRun>> {
  const at = (name: string) => path.join(folder, name);
  const checked = withinHalf(weights, half);
  await writeFile(
    at("weights"),
    bytesOf(plan.params, ({ name }) => checked.f32(name)),
  );
  await writeFile(
    at("input"),
    bytesOf(plan.inputs, async ({ name }) => (inputs.get(name) as RunTensor).data),
  );
  const words = [
    ...[at("weights"), at("input"), at("output"), `${batch}`],
    ...(machine === "cpu" ? ["forward", "late", cudaWorkers()] : []),
    ...(times ? ["times"] : []),
  ];
  const run = await runTool(program, words);
  if (run === null || run.code !== 0) return fail(cudaErrors(run?.code ?? 1, run?.stderr ?? "its program is gone"));
  const bytes = await readFile(at("output"));
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const outputs = new Map<string, RunTensor>();
  let from = 0;
  for (const { name, also, shape, perImage } of plan.outputs) {
    const whole = perImage ? [batch, ...shape] : shape;
    const size = elements(whole);
    const output = { shape: whole, data: values.slice(from, from + size) };
    for (const each of [name, ...also]) outputs.set(each, output);
    from += size;
  }
  const [first = "", ...lines] = run.stdout.trim().split("\n");
  const launches = new Map(
    lines.map(line => {
      const [name = "", milliseconds = ""] = line.split(" ");
      return [name, Number(milliseconds)];
    }),
  );
  return ok({ outputs, milliseconds: Number(first), launches });
}

async function* bytesOf<T>(parts: readonly T[], data: (part: T) => Promise<Float32Array>): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    const { buffer, byteOffset, byteLength } = await data(part);
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}
