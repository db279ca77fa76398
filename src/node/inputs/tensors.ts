import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { type InputPort, inputPorts } from "../../model/inputs.ts";
import type { Model } from "../../model/model.ts";
import { maskProblem, randomMask } from "../../runtime/mask.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import { generatorTensor } from "../../weights/made/generator.ts";
import { elements, readF32, type TensorFile } from "../../weights/tensor.ts";
import { openSource } from "../files/byte-source.ts";

/** Row-major float32 values; the batch is the first length. */
export interface RunTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface InputChoice {
  /** A file of tensors, of any kind that weights are read from. */
  readonly input: string;
  /** Seed of a mask to draw instead of reading one, or null. */
  readonly mask: number | null;
}

/** The tensors of a file, by the names and shapes of the model's inputs, one batch; a mask may be drawn instead. */
export async function readInputs(
  { input: file, mask }: InputChoice,
  model: Model,
): Promise<Result<ReadonlyMap<string, RunTensor>>> {
  const ports = inputPorts(model);
  if (mask !== null && ports.every(({ keep }) => keep === null)) return fail(error("mask-unused", null, model.name));
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    try {
      const tensors = await readTensorFile(source.value);
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
      return ok(inputs, tensors.diagnostics);
    } finally {
      await source.value.close();
    }
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
