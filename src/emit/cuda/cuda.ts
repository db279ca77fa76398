import type { Batch, StorageType } from "../../model/model.ts";
import type { Plan } from "../../plan/plan.ts";
import { type TunedChoices, untuned } from "../../plan/tuned-choices.ts";
import type { KernelTarget } from "../target.ts";
import { wgslPasses } from "../wgsl/wgsl.ts";
import { cudaFiles } from "./files.ts";
import { cudaProblems } from "./limits.ts";
import { cudaProgram } from "./program.ts";

export interface CudaOptions {
  /** Products of f32 on tensor cores, from operands rounded to TF32. */
  readonly tf32?: boolean;
  /** Also the sources of operators for PyTorch. */
  readonly torch?: boolean;
  /** What a tuning table says for such a batch. */
  readonly tuned?: (batch: Batch) => TunedChoices;
}

/** A C library of CUDA kernels, from the graph that WGSL is made from, with tiles of its own. */
export const cudaTarget = (
  dtype: StorageType,
  { tf32 = false, torch = false, tuned = () => untuned }: CudaOptions = {},
): KernelTarget => {
  const programOf = once((plan: Plan) => cudaProgram(plan, dtype, { tf32, tuned: tuned(plan.batch) }));
  return {
    name: "cuda",
    takes: "plan",
    ...wgslPasses,
    tuning: "cuda",
    tuned,
    problems: plan => cudaProblems(programOf(plan)),
    emit: (plan, context) => cudaFiles(programOf(plan), context, torch),
  };
};

/** A program is made once, to be checked and to be written. */
function once<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return key => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
