import type { StorageType } from "../../model/model.ts";
import type { KernelTarget } from "../target.ts";
import { wgslPasses } from "../wgsl/wgsl.ts";
import { cudaFiles } from "./files.ts";
import type { CudaChoices } from "./kernels/shared.ts";
import { cudaProgram } from "./program.ts";

export interface CudaOptions extends Partial<CudaChoices> {
  /** Also the sources of operators for PyTorch. */
  readonly torch?: boolean;
}

/** A C library of CUDA kernels, from the graph that WGSL is made from, with tiles of its own. */
export const cudaTarget = (dtype: StorageType, { torch = false, ...choices }: CudaOptions = {}): KernelTarget => ({
  name: "cuda",
  takes: "plan",
  ...wgslPasses,
  tuning: "cuda",
  emit: (plan, context) => cudaFiles(cudaProgram(plan, dtype, choices), context, torch),
});
