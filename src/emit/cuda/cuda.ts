import type { StorageType } from "../../model/model.ts";
import type { KernelTarget } from "../target.ts";
import { wgslPasses } from "../wgsl/wgsl.ts";
import { cudaFiles } from "./files.ts";
import type { CudaChoices } from "./kernels/shared.ts";
import { cudaProgram } from "./program.ts";

/** A C library of CUDA kernels, from the graph that WGSL is made from, with tiles of its own. */
export const cudaTarget = (dtype: StorageType, choices: Partial<CudaChoices> = {}): KernelTarget => ({
  name: "cuda",
  takes: "plan",
  ...wgslPasses,
  tuning: "cuda",
  emit: (plan, context) => cudaFiles(cudaProgram(plan, dtype, choices), context),
});
