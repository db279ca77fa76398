import type { KernelKind, KernelParams } from "../../plan/kernels.ts";
import { depthwise, stem } from "./kernels/convolutions.ts";
import { type CudaGemm, downsample, gemm } from "./kernels/gemm.ts";
import { type CudaMlp, mlp } from "./kernels/mlp.ts";
import { elementwise, gemv, grnScale, pool, rowNorm, sumSquares, toChannelsFirst } from "./kernels/rows.ts";
import type { CudaKernel, Setting } from "./kernels/shared.ts";
import {
  averagePool,
  gatherSites,
  maskedMean,
  patchTable,
  placeSites,
  siteDepthwise,
  siteError,
} from "./kernels/sites.ts";

/** What a launch does: a step of the plan, or two of its products in one. */
export type LaunchKind = KernelKind | "mlp";

/** What a launch computes: the plan's parameters, but a product may have GRN's factors for an epilogue. */
export type LaunchParams<K extends LaunchKind = LaunchKind> = K extends "gemm"
  ? CudaGemm
  : K extends "mlp"
    ? CudaMlp
    : K extends KernelKind
      ? KernelParams[K]
      : never;

/** One line a kind of launch; null where it has no kernel of its own (`pack` is one for all layers). */
const kernels: {
  readonly [K in LaunchKind]: ((params: LaunchParams<K>, setting: Setting) => CudaKernel) | null;
} = {
  depthwise,
  gemm,
  mlp,
  downsample,
  stem,
  pool,
  gemv,
  sumSquares,
  grnScale,
  rowNorm,
  toChannelsFirst,
  elementwise,
  patchTable,
  gatherSites,
  placeSites,
  siteDepthwise,
  averagePool,
  siteError,
  maskedMean,
  pack: null,
};

/** Null where CUDA has no kernel of that kind. */
export const cudaKernelOf = (kind: LaunchKind, params: LaunchParams, setting: Setting): CudaKernel | null => {
  const make = kernels[kind] as ((params: LaunchParams, setting: Setting) => CudaKernel) | null;
  return make?.(params, setting) ?? null;
};
