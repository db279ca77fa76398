import { capped } from "../../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import type { InputPort } from "../../model/inputs.ts";
import { changes, type Model, type Recipe } from "../../model/model.ts";
import { readTensorFile } from "../../weights/formats/tensor-file.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { openSource } from "../files/byte-source.ts";
import { orClosed } from "../files/or-closed.ts";
import { hashedSteps } from "./content-hash.ts";
import { inputProblem, learningPorts, type RunTensor, readInput } from "./tensors.ts";

/** What a model is trained on, micro-batch by micro-batch of each step, both counted from 0. */
export interface TrainingData {
  /** How many steps the recipe makes of it, and how many one of the recipe's epochs has, or its steps. */
  readonly steps: number;
  readonly stepsPerUnit: number;
  /** Of all that decides what so many steps read: a run that has done them goes on with the same alone. */
  sha256(steps: number): Promise<string>;
  read(step: number, micro: number): Promise<Result<ReadonlyMap<string, RunTensor>>>;
  /** What was odd about what was read so far. */
  odd(): readonly Diagnostic[];
  close(): Promise<void>;
}

export interface DataRequest {
  readonly model: Model;
  readonly recipe: Recipe;
}

const nameOf = (step: number, micro: number, port: string): string => `${step}.${micro}.${port}`;

/**
 * Ready micro-batches out of a file: `0.1.pixel_values` is the image of step 0, micro-batch 1. Every tensor of every step is
 * looked for before the first is read.
 */
export async function openBatches(file: string, { model, recipe }: DataRequest): Promise<Result<TrainingData>> {
  const { unit, count: steps } = recipe.length;
  if (unit === "epochs") return fail(error("epochs-of-batches", recipe.span, recipe.name));
  const ports = learningPorts(model, recipe.dropPath > 0);
  if (!ports.ok) return ports;
  return catchingFailures(async () => {
    const source = await openSource(file);
    if (!source.ok) return source;
    const { close } = source.value;
    return orClosed(close, async () => {
      const tensors = await readTensorFile(source.value);
      if (!tensors.ok) return tensors;
      const checked = checkNames(tensors.value, ports.value, recipe, steps);
      if (!checked.ok) return checked;
      const { read, sha256 } = hashedSteps(recipe.accumulate, (step, micro) =>
        readMicro(tensors.value, ports.value, recipe.batch, step, micro),
      );
      const still = changes(recipe.augment) ? [warning("augment-of-batches", recipe.span, recipe.name)] : [];
      const told = [...still, ...tensors.diagnostics, ...checked.diagnostics];
      return ok({ steps, stepsPerUnit: 1, sha256, read, odd: () => [], close }, told);
    });
  });
}

function checkNames(file: TensorFile, ports: readonly InputPort[], recipe: Recipe, steps: number): Result<null> {
  const { batch, accumulate } = recipe;
  const problems: Diagnostic[] = [];
  const known = new Set<string>();
  for (let step = 0; step < steps; step++)
    for (let micro = 0; micro < accumulate; micro++)
      for (const port of ports) {
        const name = nameOf(step, micro, port.name);
        known.add(name);
        const problem = inputProblem(file, port, batch, name);
        if (problem !== null) problems.push(problem);
      }
  const takes = `train ${recipe.name} runs for ${steps} steps, accumulate ${accumulate}, batch ${batch}`;
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
