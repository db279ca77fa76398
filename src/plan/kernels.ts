import { type KernelKind, type KernelParams, kernels, type WgslKernel } from "../emit/wgsl-kernels.ts";
import type { Step } from "./plan.ts";

export type { KernelKind, KernelParams, WgslKernel } from "../emit/wgsl-kernels.ts";
export { depthwisePacked, gemvPacked, stemPacked } from "../emit/wgsl-kernels.ts";

export const kernelOf = (step: Step): WgslKernel =>
  (kernels[step.kind] as (params: KernelParams[KernelKind]) => WgslKernel)(step.params);
