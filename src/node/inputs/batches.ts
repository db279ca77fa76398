import { capped } from "../../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { warning, withNote } from "../../diagnostics/messages.ts";
import type { InputPort } from "../../model/inputs.ts";
import type { Model, Recipe } from "../../model/model.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { openSource } from "../files/byte-source.ts";
import { inputProblem, learningPorts, type RunTensor, readInput } from "./tensors.ts";

/** What a model is trained on, micro-batch by micro-batch, both counted from 0. */
export interface Batches {
  read(step: number, micro: number): Promise<Result<ReadonlyMap<string, RunTensor>>>;
  close(): Promise<void>;
}

export interface BatchesRequest {
  readonly file: string;
  readonly model: Model;
  readonly recipe: Recipe;
  /** The steps that are still to be done. */
  readonly from: number;
  readonly to: number;
}

const nameOf = (step: number, micro: number, port: string): string => `${step}.${micro}.${port}`;

/**
 * Ready micro-batches out of a file: `0.1.pixel_values` is the image of step 0, micro-batch 1. Every tensor of every step is
 * looked for before the first is read.
 */
export async function openBatches({ file, model, recipe, from, to }: BatchesRequest): Promise<Result<Batches>> {
  const ports = learningPorts(model, recipe.dropPath > 0);
  if (!ports.ok) return ports;
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    const tensors = await readTensorFile(source.value);
    const checked = tensors.ok ? checkNames(tensors.value, ports.value, { recipe, from, to }) : tensors;
    if (!tensors.ok || !checked.ok) {
      await source.value.close();
      return fail(...checked.diagnostics);
    }
    const read = (step: number, micro: number) => readMicro(tensors.value, ports.value, recipe.batch, step, micro);
    return ok({ read, close: source.value.close }, [...tensors.diagnostics, ...checked.diagnostics]);
  });
}

function checkNames(
  file: TensorFile,
  ports: readonly InputPort[],
  { recipe, from, to }: Pick<BatchesRequest, "recipe" | "from" | "to">,
): Result<null> {
  const { batch, accumulate } = recipe;
  const problems: Diagnostic[] = [];
  const known = new Set<string>();
  for (let step = 0; step < to; step++)
    for (let micro = 0; micro < accumulate; micro++)
      for (const port of ports) {
        const name = nameOf(step, micro, port.name);
        known.add(name);
        const problem = step < from ? null : inputProblem(file, port, batch, name);
        if (problem !== null) problems.push(problem);
      }
  const takes = `train ${recipe.name} runs for ${to} steps, accumulate ${accumulate}, batch ${batch}`;
  const [first, ...more] = problems;
  if (first !== undefined) return fail(...capped([withNote(first, takes, recipe.span), ...more]));
  const unused = [...file.tensors.keys()].filter(name => !known.has(name));
  const [spare] = unused;
  if (spare === undefined) return ok(null);
  const left = warning("batches-unused", { file: file.name, offset: null }, spare, unused.length - 1);
  return ok(null, [withNote(left, takes, recipe.span)]);
}

async function readMicro(
  file: TensorFile,
  ports: readonly InputPort[],
  batch: number,
  step: number,
  micro: number,
): Promise<Result<ReadonlyMap<string, RunTensor>>> {
  const inputs = new Map<string, RunTensor>();
  for (const port of ports) {
    const tensor = await readInput(file, port, batch, nameOf(step, micro, port.name));
    if (!tensor.ok) return tensor;
    inputs.set(port.name, tensor.value);
  }
  return ok(inputs);
}
