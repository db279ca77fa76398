import { type KernelKind, type KernelParams, stemSites } from "./kernels.ts";
import { bufferBytes, type Plan, type Step } from "./plan.ts";

/** Multiply-adds of one image, or of the whole setup where a kernel packs; what is not a sum of products counts as none. */
const macs: { readonly [K in KernelKind]: (params: KernelParams[K]) => number } = {
  stem: p => {
    const { height, width } = stemSites(p);
    return height * width * p.channels * p.inChannels * p.patch ** 2;
  },
  depthwise: p => p.height * p.width * p.channels * p.kernel ** 2,
  siteDepthwise: p => p.keep * p.down * p.across * p.channels * p.kernel ** 2,
  gemm: p => p.rows * p.depth * p.columns,
  downsample: p => p.height * p.width * p.channels * p.columns,
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
  averagePool: () => 0,
  siteError: () => 0,
  maskedMean: () => 0,
  pack: () => 0,
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
  gemm: p => p.rows * p.columns,
  downsample: p => (p.height / 2) * (p.width / 2) * p.columns,
  gemv: p => p.columns,
};

export const activationsOf = ({ kind, params }: Step): number =>
  (activations[kind] as ((params: KernelParams[KernelKind]) => number) | undefined)?.(params) ?? 0;

/** Bytes that a step reads and writes, each binding once: those of an image, or those that are there once. */
function boundBytes(plan: Plan, step: Step, perImage: boolean): number {
  const values = [...Object.values(step.reads), ...Object.values(step.writes)];
  const buffers = values.map(value => plan.buffers.get(value)).filter(buffer => buffer?.perImage === perImage);
  return buffers.reduce((sum, buffer) => sum + (buffer ? bufferBytes(buffer) : 0), 0);
}

/** Bytes of an image's activations that a step reads and writes. */
export const activationBytes = (plan: Plan, step: Step): number => boundBytes(plan, step, true);

/** How long a step is against others, roughly: multiply-adds and bytes moved, of one image. */
export const relativeWork = (plan: Plan, step: Step): number =>
  macsOf(step) + boundBytes(plan, step, true) + boundBytes(plan, step, false);
