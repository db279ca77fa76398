import type { GeluApproximation, GrnOver, NoAttrs, OpTraits, PatchGrid, RescaledBy, TensorType } from "./ops.ts";

/** How a variance is taken: over n as LayerNorm's, or over n − 1 as that of `standardize`. */
export type Variance = "biased" | "unbiased";

/**
 * The ops of graphs that learn: what a loss needs besides the network, and what differentiation writes. `d` is the
 * gradient of the loss with respect to the op's result, and has its shape.
 */
export interface TrainingOps {
  /** (x): x·by. */
  readonly times: { readonly by: number };

  /** (x [N,…], s [N,B]): x·s[n,index]. Stochastic depth of block `index`, whose factors are 0 or 1/(1−p). */
  readonly scaleSamples: { readonly index: number };
  /** (logits [N,K], t [N,K]) → [1]: mean over the samples of −Σₖ t·log softmax(logits). timm's SoftTargetCrossEntropy. */
  readonly crossEntropy: NoAttrs;
  /** (logits [N,K], t [N,K], d [1]) → [N,K]: d/N·(softmax(logits)·Σₖt − t). */
  readonly crossEntropyGrad: NoAttrs;

  /** (d […,O], x […,I]) → [O,I]: Σ d·x over all rows. */
  readonly linearWeightGrad: NoAttrs;
  /** (d [N,⌊H/s⌋,⌊W/s⌋,O], x [N,H,W,I]) → [O,I,s,s]: the same over patches. */
  readonly patchConvWeightGrad: { readonly size: number };
  /** (d [N,H,W,C], x [N,H,W,C]) → [C,1,k,k]: Σ d[y,z]·x[y+i−r, z+j−r] over all sites, r = (k−1)/2; i, j and r times `dilation`. */
  readonly depthwiseWeightGrad: { readonly kernel: number; readonly dilation?: number };
  /** (d [N,keep·p,q,C], x of that shape, table) → [C,1,k,k]: the same at kept sites, where removed ones count as 0. */
  readonly siteDepthwiseWeightGrad: PatchGrid & { readonly kernel: number };
  /** (x […,C]) → [C]: Σ over all rows. */
  readonly channelSum: NoAttrs;
  /** (x, y […,C]) → [N,C], or [C] over the batch: Σ x·y over the rows of each. */
  readonly channelDot: { readonly over: GrnOver };
  /** (x [N,H,W,C], table) → [C]: Σ over the sites of removed patches. */
  readonly removedSum: PatchGrid;

  /** (x […,C]) → […,1]: 1/√(var + eps) over the last dimension. */
  readonly inverseDeviation: { readonly eps: number; readonly variance: Variance };
  /** (y, ρ, d) with y = (x − mean)·ρ and ρ = 1/√(var + eps) → dx: ρ·(d − mean(d) − y·Σ(d·y)/n), n − 1 where unbiased. */
  readonly normalizeGrad: { readonly variance: Variance };
  /** (x, d) → dx of `rescale`: ρ·(d − u·ρ²·Σ(d·x)/n), ρ = 1/√(s + eps); u is x, n its length, or x − mean and n − 1. */
  readonly rescaleGrad: { readonly eps: number; readonly by: RescaledBy };
  /** (x, d): d·gelu′(x); 0 at 0 where that has a bend, as torch has it. */
  readonly geluGrad: { readonly form: GeluApproximation };
  /** (q […,C], γ, d) → dq of `grnScale`; 0 where q is 0, as torch's `norm` has it. */
  readonly grnScaleGrad: { readonly eps: number };
  /** (q […,C], d) → […,C]: d·G/(mean_c G + eps), whose sum over the samples is dγ of `grnScale`. */
  readonly grnResponseGrad: { readonly eps: number };
  /** (d [N,C]) → [N,H,W,C]: d/(H·W) at every site. */
  readonly spreadSites: { readonly height: number; readonly width: number };
  /** (d [N,h,w,C]) → [N,h·s,w·s,C]: d/s² at every site of a patch. */
  readonly spreadPool: { readonly size: number };
  /** (d [N,⌈H/s⌉,⌈W/s⌉,C·k²]) → [N,H,W,C]: dx of `unfold`, Σ d over the taps that a site is under. */
  readonly unfoldGrad: {
    readonly kernel: number;
    readonly stride: number;
    readonly height: number;
    readonly width: number;
  };
  /** (x [N,h,w,s²·C]) → [N,h·s,w·s,C], channel (row·s + column)·C + c to its place in the patch. */
  readonly depthToSpace: { readonly size: number };
  /** (d [N,H,W,4·C]) → [N,H,W,C]: Σ of d wherever `neighbours` has put a site. */
  readonly neighbourSum: { readonly dilation: number };
  /** (x [N,h,w,C]) → [N,height,width,C]: x, and zeros below it and to its right, where no patch of a convolution was. */
  readonly padSites: { readonly height: number; readonly width: number };
  /** (x, y [N,H,W,C], d [N,H·W]) → dx of `siteError`: 2/C·d·(x − y). */
  readonly siteErrorGrad: NoAttrs;
  /** (mask [N,L]) → [N,L]: 1 − mask, which keeps what the mask removes. */
  readonly complement: NoAttrs;
  /** (mask [N,L], d [1]) → [N,L]: d·mask/Σmask. */
  readonly maskedMeanGrad: NoAttrs;

  /** (w [O,I] or [O,I,s,s]) → [s²·I,O], row (row·s + column)·I + i: the weights through which gradients come back. */
  readonly transpose: NoAttrs;
  /** (w [C,1,k,k]): turned by half a turn. */
  readonly flipKernel: NoAttrs;
  /** (x, y [O,I,…]) → [I]: Σ x·y over all but the second dimension. */
  readonly inputDot: NoAttrs;
  /** (x, y [O,…]) → [O]: Σ x·y over all but the first dimension. */
  readonly outputDot: NoAttrs;
  /** (d with O elements, v with I) → the type [O,I,…]: d[o]·v[i]. */
  readonly outer: { readonly type: TensorType };
  /** (w [O,I,…], d [O]) → [I]: Σ w·d[o] over all but the second dimension. */
  readonly biasThroughGrad: NoAttrs;
}

const whole: OpTraits = { perSite: false, half: false };
const perSite: OpTraits = { perSite: true, half: false };

export const trainingTraits: { readonly [K in keyof TrainingOps]: OpTraits } = {
  times: perSite,
  scaleSamples: perSite,
  crossEntropy: whole,
  crossEntropyGrad: whole,
  linearWeightGrad: whole,
  patchConvWeightGrad: whole,
  depthwiseWeightGrad: whole,
  siteDepthwiseWeightGrad: whole,
  channelSum: whole,
  channelDot: whole,
  removedSum: whole,
  inverseDeviation: perSite,
  normalizeGrad: perSite,
  rescaleGrad: perSite,
  geluGrad: perSite,
  grnScaleGrad: whole,
  grnResponseGrad: whole,
  spreadSites: whole,
  spreadPool: whole,
  unfoldGrad: whole,
  depthToSpace: perSite,
  neighbourSum: whole,
  padSites: whole,
  siteErrorGrad: whole,
  complement: whole,
  maskedMeanGrad: whole,
  transpose: whole,
  flipKernel: whole,
  inputDot: whole,
  outputDot: whole,
  outer: whole,
  biasThroughGrad: whole,
};
