import type { Batch, StorageType } from "../../model/model.ts";
import { type TunedChoices, untuned } from "../../plan/tuned-choices.ts";
import type { KernelTarget } from "../target.ts";
import { wgslPasses } from "../wgsl/wgsl.ts";
import { cudaFiles } from "./files.ts";
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
): KernelTarget => ({
  name: "cuda",
  takes: "plan",
  ...wgslPasses,
  tuning: "cuda",
  tuned,
  emit: (plan, context) => cudaFiles(cudaProgram(plan, dtype, { tf32, tuned: tuned(plan.batch) }), context, torch),
});
