import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Model, StorageType } from "../../model/model.ts";
import { select } from "../../model/select.ts";
import { readSafetensors } from "../../weights/safetensors.ts";
import { elements, readF32 } from "../../weights/tensor.ts";
import type { AdapterKind } from "../adapters.ts";
import { openSource } from "../byte-source.ts";
import type { Executor, RunReport, RunTensor } from "../executors/executor.ts";
import { catchingFailures } from "../failure.ts";
import { openWeights } from "../open-weights.ts";
import { loadProgram } from "../program.ts";

export type ExecutorName = "reference" | "webgpu" | "onnx" | "cuda-cpu" | "cuda";

export interface RunJob {
  readonly spec: string;
  readonly root: string | null;
  readonly model: string | null;
  readonly on: ExecutorName;
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  /** How the CUDA executors store weights and activations; the others store f32. */
  readonly dtype: StorageType;
  readonly weights: string;
  readonly input: string;
  readonly taps: readonly string[];
}

const executors: { readonly [K in ExecutorName]: (job: RunJob) => Promise<Executor> } = {
  reference: async () => (await import("../executors/reference.ts")).reference,
  webgpu: async ({ adapter }) => (await import("../executors/webgpu.ts")).webgpu(adapter ?? "gpu"),
  "cuda-cpu": async ({ dtype }) => (await import("../executors/cuda.ts")).cuda("cpu", dtype),
  cuda: async ({ dtype }) => (await import("../executors/cuda.ts")).cuda("gpu", dtype),
  onnx: async () => (await import("../executors/onnxruntime.ts")).onnxruntime,
};

/** Reads spec, weights and input, compiles for the batch of the input, and runs once. */
export async function run(job: RunJob): Promise<Result<RunReport>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  const inputs = await readInputs(job.input, model);
  if (!inputs.ok) return inputs;
  const weights = await openWeights(job.weights, model);
  if (!weights.ok) return weights;
  const execute = await executors[job.on](job);
  const batch = inputs.value.get("pixel_values")?.shape[0] ?? 1;
  return catchingFailures(async () => {
    const report = await execute({ model, batch, taps: job.taps, weights: weights.value, inputs: inputs.value });
    const warnings = [...found.diagnostics, ...inputs.diagnostics, ...weights.diagnostics];
    return report.ok ? ok(report.value, [...warnings, ...report.diagnostics]) : report;
  });
}

/** The named model, or the only one that the spec declares. */
function oneModel({ spec, root, model }: RunJob): Result<Model> {
  const loaded = loadProgram(spec, root);
  if (!loaded.ok) return loaded;
  const { program, source } = loaded.value;
  if (model === null && program.declared.length > 1)
    return fail(error("model-needed", null, program.declared.slice(0, 12).join(", ")));
  const selection = { models: model === null ? null : [model], build: null, targets: null, dtypes: null, batch: null };
  const requests = select(program, selection, ["wgsl"], source.name);
  if (!requests.ok) return requests;
  const [request] = requests.value;
  return request ? ok(request.model, loaded.diagnostics) : fail(error("no-models", null, source.name));
}

/** The tensors of a file, by the names and shapes of the model's inputs. */
async function readInputs(file: string, model: Model): Promise<Result<ReadonlyMap<string, RunTensor>>> {
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    const tensors = await readSafetensors(source.value);
    if (!tensors.ok) return tensors;
    const { height, width, channels } = model.input;
    const expected = `F32 [N, ${channels}, ${height}, ${width}]`;
    const tensor = tensors.value.tensors.get("pixel_values");
    const place = { file, offset: null };
    const names = [...tensors.value.tensors.keys()].slice(0, 5).join(", ");
    if (!tensor)
      return fail(error("run-input", place, "pixel_values", `missing, the file holds ${names || "nothing"}`, expected));
    const [batch = 0, ...image] = tensor.shape;
    const fits = tensor.dtype === "F32" && batch > 0 && image.join() === [channels, height, width].join();
    if (!fits) {
      return fail(
        error("run-input", tensor.place, "pixel_values", `${tensor.dtype} [${tensor.shape.join(", ")}]`, expected),
      );
    }
    const data = await readF32(tensors.value, "pixel_values");
    await source.value.close();
    return ok(
      new Map([["pixel_values", { shape: tensor.shape, data: data.slice(0, elements(tensor.shape)) }]]),
      tensors.diagnostics,
    );
  });
}
