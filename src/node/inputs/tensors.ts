import { differentiated } from "../../compile.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { type InputPort, inputPorts } from "../../model/inputs.ts";
import type { Model } from "../../model/model.ts";
import { inputPorts as graphPorts } from "../../plan/ports.ts";
import { maskProblem, randomMask } from "../../runtime/mask.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import { generatorTensor } from "../../weights/made/generator.ts";
import { elements, readF32, type Tensor, type TensorFile } from "../../weights/tensor.ts";
import { openSource } from "../files/byte-source.ts";

/** Row-major float32 values; the batch is the first length. */
export interface RunTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Factors of stochastic depth: the only input whose batch is the last length, `[blocks, N]`. */
const keepInput = "keep";

export interface InputChoice {
  /** A file of tensors, of any kind that weights are read from. */
  readonly input: string;
  /** Seed of a mask to draw instead of reading one, or null. */
  readonly mask: number | null;
}

/** The tensors of a file, by the names and shapes of the model's inputs, one batch; a mask may be drawn instead. */
export const readInputs = (choice: InputChoice, model: Model): Promise<Result<ReadonlyMap<string, RunTensor>>> =>
  readPorts(choice, model, () => ok(inputPorts(model)));

/** The same for what a model learns from: `keep` too, where the file has it. */
export const readLearningInputs = (
  choice: InputChoice,
  model: Model,
): Promise<Result<ReadonlyMap<string, RunTensor>>> =>
  readPorts(choice, model, file => learningPorts(model, file.tensors.has(keepInput)));

/** What a model takes to learn, the image first; with `dropPath` the factors of its blocks. */
export function learningPorts(model: Model, dropPath: boolean): Result<readonly InputPort[]> {
  const graph = differentiated(model, [], { dropPath, wanted: () => false });
  return graph.ok ? ok([...inputPorts(model), ...besides(graphPorts(graph.value), model)]) : graph;
}

/** The same drawn: soft targets whose rows sum to 1, gradients of a backbone's outputs. */
export function drawLearningInputs(model: Model, batch: number, seed: number): Result<ReadonlyMap<string, RunTensor>> {
  const ports = learningPorts(model, false);
  if (!ports.ok) return ports;
  const drawn = besides(ports.value, model).map(({ name, shape }): [string, RunTensor] => {
    const whole = [batch, ...shape];
    const data = generatorTensor(seed, name, elements(whole), 0, 1.7);
    return [name, { shape: whole, data: name === "targets" ? shares(data, shape[0] ?? 1) : data }];
  });
  return ok(new Map([...drawInputs(model, batch, seed), ...drawn]));
}

/** Rows of so many values as parts of a whole. */
function shares(data: Float32Array, length: number): Float32Array {
  return data.map((value, i) => {
    const row = data.subarray(i - (i % length), i - (i % length) + length);
    return Math.exp(value) / row.reduce((sum, other) => sum + Math.exp(other), 0);
  });
}

const besides = (ports: readonly InputPort[], model: Model): readonly InputPort[] => {
  const known = new Set(inputPorts(model).map(({ name }) => name));
  return ports.filter(({ name }) => !known.has(name));
};

async function readPorts(
  { input: file, mask }: InputChoice,
  model: Model,
  portsOf: (file: TensorFile) => Result<readonly InputPort[]>,
): Promise<Result<ReadonlyMap<string, RunTensor>>> {
  const hasMask = inputPorts(model).some(({ keep }) => keep !== null);
  if (mask !== null && !hasMask) return fail(error("mask-unused", null, model.name));
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    try {
      const tensors = await readTensorFile(source.value);
      if (!tensors.ok) return tensors;
      const ports = portsOf(tensors.value);
      if (!ports.ok) return ports;
      const inputs = new Map<string, RunTensor>();
      let batch: number | null = null;
      for (const port of ports.value) {
        const drawn = port.keep !== null && mask !== null;
        const tensor: Result<RunTensor> = drawn
          ? ok(draw(mask, port, batch ?? 1))
          : await readInput(tensors.value, port, batch);
        if (!tensor.ok) return tensors.value.tensors.has(port.name) || port.keep === null ? tensor : drawable(tensor);
        inputs.set(port.name, tensor.value);
        batch ??= tensor.value.shape[0] ?? 1;
      }
      return ok(inputs, tensors.diagnostics);
    } finally {
      await source.value.close();
    }
  });
}

const drawable = ({ diagnostics }: { readonly diagnostics: readonly Diagnostic[] }) =>
  fail(...diagnostics.map(missing => withNote(missing, "--mask random:SEED draws one")));

const draw = (seed: number, { shape: [patches = 0], keep }: InputPort, batch: number): RunTensor => ({
  shape: [batch, patches],
  data: randomMask(seed, { batch, patches, keep: keep ?? 0 }),
});

/** Why a file has no tensor of that name that a port could take, or null. Reads no data. */
export function inputProblem(
  file: TensorFile,
  { name, shape }: InputPort,
  batch: number | null,
  key: string,
): Diagnostic | null {
  const whole = (images: number | "N") => (name === keepInput ? [...shape, images] : [images, ...shape]);
  const expected = `F32 [${whole(batch ?? "N").join(", ")}]`;
  const tensor = file.tensors.get(key);
  if (!tensor) {
    const names = [...file.tensors.keys()].slice(0, 5).join(", ");
    const place = { file: file.name, offset: null };
    return error("run-input", place, key, `missing, the file holds ${names || "nothing"}`, expected);
  }
  const images = batch ?? Math.max(tensor.shape[0] ?? 0, 1);
  const isShaped = tensor.shape.join() === whole(images).join();
  if (tensor.dtype === "F32" && isShaped) return null;
  const problem = error("run-input", tensor.place, key, `${tensor.dtype} [${tensor.shape.join(", ")}]`, expected);
  return isShaped ? withNote(problem, "save it in float32: .float() in PyTorch, .astype('f4') in numpy") : problem;
}

/** The tensor that a port takes, under its own name or another. */
export async function readInput(
  file: TensorFile,
  port: InputPort,
  batch: number | null,
  key: string = port.name,
): Promise<Result<RunTensor>> {
  const problem = inputProblem(file, port, batch, key);
  if (problem !== null) return fail(problem);
  const { name, shape, keep } = port;
  const tensor = file.tensors.get(key) as Tensor;
  const images = batch ?? Math.max(tensor.shape[0] ?? 0, 1);
  const read = (await readF32(file, key)).slice(0, elements(tensor.shape));
  const data = name === keepInput ? transposed(read, images) : read;
  const wrong = keep === null ? null : maskProblem(data, { patches: shape[0] ?? 0, keep });
  return wrong === null ? ok({ shape: [images, ...shape], data }) : fail(error("run-mask", tensor.place, key, wrong));
}

/** Rows of so many columns as columns. */
const transposed = (data: Float32Array, columns: number): Float32Array => {
  const rows = data.length / columns;
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number);
};

/** Inputs as the golden files have them, and masks. */
export function drawInputs(model: Model, batch: number, seed: number): ReadonlyMap<string, RunTensor> {
  const inputs = inputPorts(model).map(({ name, shape, keep }): [string, RunTensor] => {
    const whole = [batch, ...shape];
    const data =
      keep === null
        ? generatorTensor(seed, "input", elements(whole), 0, 1.7)
        : randomMask(seed, { batch, patches: shape[0] ?? 0, keep });
    return [name, { shape: whole, data }];
  });
  return new Map(inputs);
}
