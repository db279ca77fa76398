import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { type InputPort, inputPorts } from "../../model/inputs.ts";
import type { Model, StorageType } from "../../model/model.ts";
import type { SiteLayout } from "../../passes/site-layout.ts";
import { maskProblem, randomMask } from "../../runtime/mask.ts";
import type { BindOptions } from "../../weights/bind.ts";
import { readSafetensors } from "../../weights/safetensors.ts";
import { elements, readF32, type TensorFile } from "../../weights/tensor.ts";
import type { AdapterKind } from "../adapters.ts";
import { openSource } from "../byte-source.ts";
import type { RunReport, RunTensor } from "../executors/executor.ts";
import { type ExecutorName, executors } from "../executors/executors.ts";
import { catchingFailures } from "../failure.ts";
import { oneModel } from "../one-model.ts";
import { openWeights } from "../open-weights.ts";

export interface RunJob {
  readonly spec: string;
  readonly root: string | null;
  readonly model: string | null;
  readonly on: ExecutorName;
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How the CUDA executors store weights and activations; the others store f32. */
  readonly dtype: StorageType;
  /** The CUDA executors multiply f32 as TF32. */
  readonly tf32: boolean;
  readonly weights: string;
  readonly binding: BindOptions;
  readonly input: string;
  readonly taps: readonly string[];
  /** Seed of a mask to draw instead of reading one, or null. */
  readonly mask: number | null;
  readonly sites: SiteLayout;
}

/** Reads spec, weights and input, compiles for the batch of the input, and runs once. */
export async function run(job: RunJob): Promise<Result<RunReport>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  const inputs = await readInputs(job, model);
  if (!inputs.ok) return inputs;
  const whileRead: Diagnostic[] = [];
  const weights = await openWeights(job.weights, model, diagnostic => whileRead.push(diagnostic), job.binding);
  if (!weights.ok) return weights;
  const execute = await executors[job.on](job);
  const batch = inputs.value.get("pixel_values")?.shape[0] ?? 1;
  return catchingFailures(async () => {
    const report = await execute({
      model,
      batch,
      taps: job.taps,
      sites: job.sites,
      weights: weights.value,
      inputs: inputs.value,
    });
    await weights.value.close();
    const warnings = [...found.diagnostics, ...inputs.diagnostics, ...weights.diagnostics, ...whileRead];
    return report.ok ? ok(report.value, [...warnings, ...report.diagnostics]) : report;
  });
}

/** The tensors of a file, by the names and shapes of the model's inputs, one batch; a mask may be drawn instead. */
async function readInputs(
  { input: file, mask }: RunJob,
  model: Model,
): Promise<Result<ReadonlyMap<string, RunTensor>>> {
  const ports = inputPorts(model);
  if (mask !== null && ports.every(({ keep }) => keep === null)) return fail(error("mask-unused", null, model.name));
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    const tensors = await readSafetensors(source.value);
    if (!tensors.ok) return tensors;
    const inputs = new Map<string, RunTensor>();
    let batch: number | null = null;
    for (const port of ports) {
      const drawn = port.keep !== null && mask !== null;
      const tensor: Result<RunTensor> = drawn
        ? ok(draw(mask, port, batch ?? 1))
        : await readInput(tensors.value, port, batch);
      if (!tensor.ok) return tensor;
      inputs.set(port.name, tensor.value);
      batch ??= tensor.value.shape[0] ?? 1;
    }
    await source.value.close();
    return ok(inputs, tensors.diagnostics);
  });
}

const draw = (seed: number, { shape: [patches = 0], keep }: InputPort, batch: number): RunTensor => ({
  shape: [batch, patches],
  data: randomMask(seed, { batch, patches, keep: keep ?? 0 }),
});

async function readInput(
  file: TensorFile,
  { name, shape, keep }: InputPort,
  batch: number | null,
): Promise<Result<RunTensor>> {
  const expected = `F32 [${[batch ?? "N", ...shape].join(", ")}]`;
  const place = { file: file.name, offset: null };
  const tensor = file.tensors.get(name);
  if (!tensor) {
    const names = [...file.tensors.keys()].slice(0, 5).join(", ");
    const missing = error("run-input", place, name, `missing, the file holds ${names || "nothing"}`, expected);
    return fail(keep === null ? missing : withNote(missing, "--mask random:SEED draws one"));
  }
  const [images = 0, ...rest] = tensor.shape;
  const fits = tensor.dtype === "F32" && images === (batch ?? Math.max(images, 1)) && rest.join() === shape.join();
  if (!fits)
    return fail(error("run-input", tensor.place, name, `${tensor.dtype} [${tensor.shape.join(", ")}]`, expected));
  const data = (await readF32(file, name)).slice(0, elements(tensor.shape));
  const problem = keep === null ? null : maskProblem(data, { patches: shape[0] ?? 0, keep });
  return problem === null ? ok({ shape: tensor.shape, data }) : fail(error("run-mask", tensor.place, problem));
}
