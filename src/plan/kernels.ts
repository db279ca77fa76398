import { type AveragePoolParams, averagePool } from "./kernels/average-pool.ts";
import { type DepthwiseParams, depthwise } from "./kernels/depthwise.ts";
import { type ElementwiseParams, elementwise } from "./kernels/elementwise.ts";
import { type GatherSitesParams, gatherSites } from "./kernels/gather-sites.ts";
import { type DownsampleParams, downsample, type GemmParams, gemm } from "./kernels/gemm.ts";
import { type GemvParams, gemv } from "./kernels/gemv.ts";
import { type GrnScaleParams, grnScale } from "./kernels/grn-scale.ts";
import { type MaskedMeanParams, maskedMean } from "./kernels/masked-mean.ts";
import { type PackParams, pack } from "./kernels/pack.ts";
import { type PatchTableParams, patchTable } from "./kernels/patch-table.ts";
import { type PlaceSitesParams, placeSites } from "./kernels/place-sites.ts";
import { type PoolParams, pool } from "./kernels/pool.ts";
import { type RowNormParams, rowNorm } from "./kernels/row-norm.ts";
import { type KernelSource, withF16 } from "./kernels/shared.ts";
import { type SiteDepthwiseParams, siteDepthwise } from "./kernels/site-depthwise.ts";
import { type SiteErrorParams, siteError } from "./kernels/site-error.ts";
import { type StemParams, stem } from "./kernels/stem.ts";
import { type SumSquaresParams, sumSquares } from "./kernels/sum-squares.ts";
import { type ToChannelsFirstParams, toChannelsFirst } from "./kernels/to-channels-first.ts";

export { depthwisePacked } from "./kernels/depthwise.ts";
export { gemvPacked } from "./kernels/gemv.ts";
export type { Binding, KernelSource } from "./kernels/shared.ts";
export { stemPacked, stemSites } from "./kernels/stem.ts";
export { squareStrips } from "./kernels/sum-squares.ts";

/** One line a kernel kind: what the plan decides about it. All other numbers follow from these. */
export interface KernelParams {
  readonly depthwise: DepthwiseParams;
  readonly gemm: GemmParams;
  readonly downsample: DownsampleParams;
  readonly stem: StemParams;
  readonly pool: PoolParams;
  readonly gemv: GemvParams;
  readonly sumSquares: SumSquaresParams;
  readonly grnScale: GrnScaleParams;
  readonly rowNorm: RowNormParams;
  readonly toChannelsFirst: ToChannelsFirstParams;
  readonly elementwise: ElementwiseParams;
  readonly patchTable: PatchTableParams;
  readonly gatherSites: GatherSitesParams;
  readonly placeSites: PlaceSitesParams;
  readonly siteDepthwise: SiteDepthwiseParams;
  readonly averagePool: AveragePoolParams;
  readonly siteError: SiteErrorParams;
  readonly maskedMean: MaskedMeanParams;
  readonly pack: PackParams;
}

export type KernelKind = keyof KernelParams;

const kernels: { readonly [K in KernelKind]: (params: KernelParams[K]) => KernelSource } = {
  depthwise,
  gemm,
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
  pack,
};

/**
 * Bindings, grid and workgroup of a kernel, and the context of its template: all arithmetic, so that templates hold
 * syntax alone. The batch is the grid's third dimension; activations hold one image after the other.
 */
export const kernelOf = (
  kind: KernelKind,
  params: KernelParams[KernelKind],
  f16Bindings: readonly string[] = [],
): KernelSource => withF16((kernels[kind] as (params: KernelParams[KernelKind]) => KernelSource)(params), f16Bindings);
