import { type Lowering, lower } from "../../src/compile.ts";
import { measuredWith } from "../../src/emit/cuda/candidates.ts";
import { type CudaOptions, cudaTarget } from "../../src/emit/cuda/cuda.ts";
import type { KernelTarget } from "../../src/emit/target.ts";
import type { StorageType } from "../../src/model/model.ts";

/** A CUDA target whose products give the k of a tile to so many blocks. */
export function splitTarget(
  dtype: StorageType,
  options: CudaOptions,
  of: Omit<Lowering, "target">,
  split: number,
): KernelTarget {
  const usual = lower({ ...of, target: cudaTarget(dtype, options) });
  if (!usual.ok || usual.value.plan === null) throw new Error("it does not compile");
  const measured = measuredWith(usual.value.plan.steps, { split });
  return cudaTarget(dtype, { ...options, measured: () => measured });
}
