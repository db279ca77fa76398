import { type KernelKind, type KernelParams, kernels, type WgslKernel } from "../emit/wgsl-kernels.ts";

export type { Binding, KernelKind, KernelParams, WgslKernel } from "../emit/wgsl-kernels.ts";
export { depthwisePacked, gemvPacked, stemPacked } from "../emit/wgsl-kernels.ts";

/** Bindings, grid and workgroup of a kernel, and what its template shows. */
export const kernelOf = (kind: KernelKind, params: KernelParams[KernelKind]): WgslKernel =>
  (kernels[kind] as (params: KernelParams[KernelKind]) => WgslKernel)(params);
