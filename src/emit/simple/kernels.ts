import type { KernelParams } from "../../plan/kernels.ts";
import { collect } from "./collect.ts";
import { averagePool, elementwise, gatherSites, placeSites, pointwise, widen } from "./elements.ts";
import {
  crossEntropy,
  crossEntropyGrad,
  grnGrad,
  inverseDeviation,
  maskedMeanGrad,
  normalizeGrad,
  rearrange,
  scaleSamples,
  standardize,
} from "./gradients.ts";
import {
  grnScale,
  maskedMean,
  patchTable,
  pool,
  siteError,
  siteErrorGrad,
  sumSquares,
  toChannelsFirst,
} from "./groups.ts";
import type { Form, SimpleKernel } from "./kernel.ts";
import { rescale, rescaleGrad } from "./rescale.ts";
import { unfold, unfoldGrad } from "./unfold.ts";
import { columnSums, columnTotals, depthwiseGrad, weightDot, weightwise } from "./weight-gradients.ts";

/** The kernels of which there is one text for every target. */
const simpleKernels = {
  averagePool,
  collect,
  elementwise,
  gatherSites,
  grnScale,
  maskedMean,
  patchTable,
  placeSites,
  pool,
  rescale,
  siteError,
  sumSquares,
  toChannelsFirst,
  unfold,
  widen,

  columnSums,
  columnTotals,
  crossEntropy,
  crossEntropyGrad,
  depthwiseGrad,
  grnGrad,
  inverseDeviation,
  maskedMeanGrad,
  normalizeGrad,
  pointwise,
  rearrange,
  rescaleGrad,
  scaleSamples,
  siteErrorGrad,
  standardize,
  unfoldGrad,
  weightDot,
  weightwise,
} as const satisfies { readonly [K in keyof KernelParams]?: (params: KernelParams[K], form: Form) => SimpleKernel };

export type SimpleKind = keyof typeof simpleKernels;

/** Something for each of them. */
export const forSimpleKinds = <T>(make: (kind: SimpleKind) => T): Readonly<Record<SimpleKind, T>> =>
  Object.fromEntries(Object.keys(simpleKernels).map(kind => [kind, make(kind as SimpleKind)])) as Record<SimpleKind, T>;

export const simpleKernel = <K extends SimpleKind>(kind: K, params: KernelParams[K], form: Form): SimpleKernel =>
  (simpleKernels[kind] as (params: KernelParams[K], form: Form) => SimpleKernel)(params, form);
