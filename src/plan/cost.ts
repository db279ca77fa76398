import { downsampleProduct, type KernelKind, type KernelParams, stemSites } from "./kernels.ts";
import { bytesOf, type Plan, type Step, valuesOf } from "./plan.ts";

/** Multiply-adds of one image, or of the whole setup where a kernel packs; what is not a sum of products counts as none. */
const macs: { readonly [K in KernelKind]: (params: KernelParams[K]) => number } = {
  stem: p => {
    const { height, width } = stemSites(p);
    return height * width * p.channels * p.inChannels * p.patch ** 2;
  },
  depthwise: p => p.height * p.width * p.channels * p.kernel ** 2,
  siteDepthwise: p => p.keep * p.down * p.across * p.channels * p.kernel ** 2,
  gemm: p => p.rows * p.depth * p.columns,
  mlp: ({ expand, project }) => macs.gemm(expand) + macs.gemm(project),
  downsample: p => macs.gemm(downsampleProduct(p)),
  gemv: p => p.depth * p.columns,
  pool: () => 0,
  grnScale: () => 0,
  sumSquares: () => 0,
  rowNorm: () => 0,
  toChannelsFirst: () => 0,
  elementwise: () => 0,
  patchTable: () => 0,
  gatherSites: () => 0,
  placeSites: () => 0,
  collect: () => 0,
  averagePool: () => 0,
  unfold: () => 0,
  rescale: () => 0,
  siteError: () => 0,
  maskedMean: () => 0,
  widen: () => 0,
  pack: () => 0,
  weightGrad: p => p.height * p.width * p.outputs * p.inputs * p.size ** 2,
  depthwiseGrad: p => p.height * p.width * p.channels * p.kernel ** 2,
  columnSums: () => 0,
  columnTotals: () => 0,
  weightwise: () => 0,
  weightDot: () => 0,
  rearrange: () => 0,
  rescaleGrad: () => 0,
  unfoldGrad: () => 0,
  inverseDeviation: () => 0,
  standardize: () => 0,
  normalizeGrad: () => 0,
  pointwise: () => 0,
  grnGrad: () => 0,
  scaleSamples: () => 0,
  siteErrorGrad: () => 0,
  maskedMeanGrad: () => 0,
  crossEntropy: () => 0,
  crossEntropyGrad: () => 0,
};

export const macsOf = ({ kind, params }: Step): number =>
  (macs[kind] as (params: KernelParams[KernelKind]) => number)(params);

/**
 * Values that the convolutions and linear layers of one image give, as fvcore and timm count activations: what norms,
 * GELU and sums give counts as none.
 */
const activations: { readonly [K in KernelKind]?: (params: KernelParams[K]) => number } = {
  stem: p => {
    const { height, width } = stemSites(p);
    return height * width * p.channels;
  },
  depthwise: p => p.height * p.width * p.channels,
  siteDepthwise: p => p.keep * p.down * p.across * p.channels,
  gemm: p => (p.statisticsOnly ? 0 : p.rows * p.columns),
  mlp: ({ project: p }) => p.rows * p.columns,
  downsample: p => {
    const { rows, columns } = downsampleProduct(p);
    return rows * columns;
  },
  gemv: p => p.columns,
};

export const activationsOf = ({ kind, params }: Step): number =>
  (activations[kind] as ((params: KernelParams[KernelKind]) => number) | undefined)?.(params) ?? 0;

/** Bytes that a step reads and writes, each operand once: what crosses memory if nothing is cached. */
export interface Moved {
  /** Whatever the batch: weights, tables. */
  readonly fixed: number;
  /** For each image. */
  readonly each: number;
}

export function movedBy({ operands }: Pick<Step, "operands">): Moved {
  const bytes = (perImage: boolean): number =>
    sum(operands.map(operand => (operand.perImage === perImage ? bytesOf(operand) : 0)));
  return { fixed: bytes(false), each: bytes(true) };
}

/** Bytes that so many images move in all steps. */
export const bytesMoved = ({ steps }: Pick<Plan, "steps">, images = 1): number =>
  sum(steps.map(movedBy).map(({ fixed, each }) => fixed + each * images));

/** How long a step is against others, roughly: multiply-adds and bytes moved, of one image. */
export function relativeWork(step: Step): number {
  const { fixed, each } = movedBy(step);
  return macsOf(step) + fixed + each;
}

/** Bytes of what stays on the device between runs: what steps read of parameters and of what the setup packed. */
export function weightBytes({ buffers, steps, weightBytes: together }: Plan): number {
  if (together !== null) return together;
  const read = new Set(steps.flatMap(step => valuesOf(step, "read")));
  const kept = [...buffers.values()].filter(
    ({ name, role }) => read.has(name) && (role === "param" || role === "packed"),
  );
  return sum(kept.map(bytesOf));
}

/** Peak of scratch memory, bytes an image, with what blocks are counted in. */
export const scratchBytes = ({ arenas, buffers }: Plan): number =>
  sum(arenas) + sum([...buffers.values()].filter(({ role }) => role === "counters").map(bytesOf));

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
