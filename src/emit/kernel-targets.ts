import type { StorageType } from "../model/model.ts";
import { isF16 } from "../model/select.ts";
import type { ProfileName } from "../plan/tiles/tuning-profiles.ts";
import { cudaTarget } from "./cuda/target.ts";
import type { KernelTarget } from "./target.ts";
import { wgslTarget } from "./wgsl/target.ts";

/** The target whose kernels a device runs: CUDA's, or WGSL with the tiles of an adapter. */
export const kernelTarget = (tuning: ProfileName, dtype: StorageType): KernelTarget =>
  tuning === "cuda" ? cudaTarget(dtype) : wgslTarget(tuning, isF16[dtype]);
