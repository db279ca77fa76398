import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { tapsOf } from "../../graph/build.ts";
import type { Model } from "../../model/model.ts";
import type { Weights } from "../../weights/tensor.ts";
import { largestHalf } from "../../weights/use/within-half.ts";
import { once } from "../executors/executor.ts";
import { reference } from "../executors/reference.ts";
import { readInputs } from "../inputs/tensors.ts";
import { progress } from "../process/progress.ts";

/** The largest absolute value that any module gives, and which one that is. */
export interface Largest {
  readonly module: string;
  readonly value: number;
}

/**
 * Runs the reference on a file of inputs and looks at what every module gives: maps between kernels are stored as f16,
 * whose largest value is 65504. Fails, with the first module in the order of the network, where one is beyond.
 */
export async function checkActivationRange(model: Model, weights: Weights, input: string): Promise<Result<Largest>> {
  const inputs = await readInputs({ input, mask: null }, model);
  if (!inputs.ok) return inputs;
  const batch = inputs.value.get("pixel_values")?.shape[0] ?? 1;
  const taps = [...tapsOf(model).keys()];
  progress(`calibrating ${model.name} on ${batch} images`);
  const run = await once(reference)({ model, batch, taps, sites: "auto", weights, inputs: inputs.value });
  if (!run.ok) return run;
  let largest: Largest = { module: "", value: 0 };
  for (const module of taps) {
    const value = (run.value.outputs.get(module)?.data ?? new Float32Array()).reduce(
      (a, b) => Math.max(a, Math.abs(b)),
      0,
    );
    if (!(value <= largestHalf)) return fail(error("activations-beyond-half", null, module, value));
    if (value > largest.value) largest = { module, value };
  }
  return ok(largest, inputs.diagnostics);
}
