import { type TrainingOps, trainingTraits } from "./training-ops.ts";

/** Storage type. Sums, means, variances, eps and division are always f32 (f64 in `evaluate`); i32 holds indices. */
export type DType = "f32" | "i32";

/** A length, or `N`: the batch, which only a first dimension may be. */
export type Dim = number | "N";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** The set over which GRN takes its L2 norm: the sites of one sample, or of the whole batch. */
export type GrnOver = "sample" | "batch";

/**
 * The patches a mask speaks of: `rows` by `columns` of them, numbered row by row, of which each sample keeps `keep`. Every
 * map of an encoder stage is cut into them evenly.
 */
export interface PatchGrid {
  readonly rows: number;
  readonly columns: number;
  readonly keep: number;
}

/** What RMS norm divides by, and what timm's simple norm does; both leave the mean where it is. */
export type RescaledBy = "square" | "deviation";

/**
 * The distribution function F of x·F(x). `erf` is the normal one, Φ: PyTorch's default of GELU; `tanh` its
 * `approximate="tanh"`; `silu` the logistic one, `relu` the step at 0 (Hendrycks and Gimpel, Gaussian Error Linear Units).
 */
export type GeluApproximation = "erf" | "tanh" | "silu" | "relu";

/**
 * One line per op: its attributes. Operands and meaning stand beside it; activations are channels-last.
 * Inference, verification, evaluation, printing and emission are exhaustive tables over this interface.
 */
export interface Ops extends TrainingOps {
  /** A graph input. */
  readonly input: { readonly type: TensorType };
  /** A checkpoint tensor under its official name, in its official shape. */
  readonly param: { readonly type: TensorType };
  /** () → the type, every element of that value: the bias of a layer without one, and the seed of gradients. */
  readonly constant: { readonly value: number; readonly type: TensorType };
  /** (x) → the same elements in that type's shape. */
  readonly reshape: { readonly type: TensorType };

  /** (x [N,C,H,W]) → [N,H,W,C] */
  readonly toChannelsLast: NoAttrs;
  /** (x [N,H,W,C]) → [N,C,H,W] */
  readonly toChannelsFirst: NoAttrs;
  /** (x [N,H,W,I], w [O,I,s,s], b [O]) → [N,⌊H/s⌋,⌊W/s⌋,O]: convolution whose stride is its kernel, so patches never overlap. */
  readonly patchConv: { readonly size: number };
  /** (x [N,H,W,I], w [O,I,k,k], b [O]) → [N,⌈H/s⌉,⌈W/s⌉,O]: correlation at every s-th site, zero padding (k−1)/2. */
  readonly conv: { readonly kernel: number; readonly stride: number };
  /** (x [N,H,W,C]) → [N,⌈H/s⌉,⌈W/s⌉,C·k²]: what is under the taps of such a convolution, c·k² + row·k + column. */
  readonly unfold: { readonly kernel: number; readonly stride: number };
  /** (x [N,H,W,C], w [C,1,k,k], b [C]) → [N,H,W,C]: depthwise correlation, zero padding (k−1)/2; taps `dilation` sites apart, else 1. */
  readonly depthwise: { readonly kernel: number; readonly dilation?: number };
  /** (x [N,H,W,C]) → [N,H,W,4·C]: x at 2x2 sites d apart, from ⌊d/2⌋ above and left on, 0 outside; channel c·4 + row·2 + column. */
  readonly neighbours: { readonly dilation: number };
  /** (x […,K], w [O,K] or [O,I,s,s] with I·s·s = K, b [O]) → […,O]: x·wᵀ + b. */
  readonly linear: NoAttrs;
  /** (x […,C], γ [C], β [C]): γ·(x − mean)/√(var + eps) + β over the last dimension, biased variance. */
  readonly layernorm: { readonly eps: number };
  /** (x […,C]): LayerNorm without its affine part. */
  readonly normalize: { readonly eps: number };
  /** (x […,C]): x/√(s + eps) over the last dimension, s the mean of x², or the unbiased variance. timm layers/fast_norm.py */
  readonly rescale: { readonly eps: number; readonly by: RescaledBy };
  /** (x): x·Φ(x), or with another distribution function in the place of Φ. */
  readonly gelu: { readonly form: GeluApproximation };
  /** (x [N,H,W,C], γ, β): γ·(x·Nx) + β + x with Nx = Gx/(mean_c Gx + eps), Gx = ‖x‖₂ over the sites. Paper, section 3.3. */
  readonly grn: { readonly eps: number; readonly over: GrnOver };
  /** (x [N,H,W,C]) → [N,C], or [C] over the batch: Σx² over the sites. */
  readonly sumSquares: { readonly over: GrnOver };
  /** (q […,C], γ): 1 + γ·G/(mean_c G + eps) with G = √q. */
  readonly grnScale: { readonly eps: number };
  /** (x [N,…,C], s [C] or [N,C]): x·s. */
  readonly scaleChannels: NoAttrs;
  /** (x [N,…,C], b): x + b. */
  readonly shiftChannels: NoAttrs;
  /** (x, y) of one shape: x + y. */
  readonly add: NoAttrs;
  /** (x [N,H,W,C]) → [N,C]: mean over the sites. */
  readonly meanSites: NoAttrs;

  /** (x [N,H,W,C], mask [N,L]): x in kept patches (mask 0), exactly 0 in removed ones (mask 1). */
  readonly maskSites: PatchGrid;
  /** (x [N,H,W,C], mask [N,L], token [1,C,1,1]): x in kept patches, the token in removed ones. models/fcmae.py, forward_decoder. */
  readonly fillSites: PatchGrid;

  /** (mask [N,L]) → i32 [N,L+keep]: the slot of every patch among the kept ones, −1 if removed; then the patch of every slot. */
  readonly patchTable: PatchGrid;
  /** (x [N,H,W,C], table) → [N,keep·p,q,C]: the kept patches, p by q sites each, one below the other: compact layout. Of [N,L], [N,keep]. */
  readonly gatherSites: PatchGrid;
  /** (x [N,keep·p,q,C], table[, token]) → [N,H,W,C]: back in place; removed patches are 0, or the token. Of [N,keep], [N,L]. */
  readonly scatterSites: PatchGrid;
  /** (x [N,keep·p,q,C], w [C,1,k,k], b [C], table) → the same shape: `depthwise` at kept sites, where removed ones count as 0. */
  readonly siteDepthwise: PatchGrid & { readonly kernel: number };

  /** (x [N,H,W,C]) → [N,H/s,W/s,C]: mean over the s by s sites of a patch. */
  readonly averagePool: { readonly size: number };
  /** (image [N,C,H,W]) → [N,H/s,W/s,s²·C]: a patch's pixels as channels, (row·s + column)·C + c. models/fcmae.py, patchify. */
  readonly patchify: { readonly size: number };
  /** (x […,C]): (x − mean)/√(var + eps) over the last dimension, unbiased variance. `norm_pix_loss` of the official code. */
  readonly standardize: { readonly eps: number };
  /** (x, y [N,H,W,C]) → [N,H·W]: mean over the channels of (x − y)². */
  readonly siteError: NoAttrs;
  /** (e [N,L], mask [N,L]) → [1]: Σ e·mask / Σ mask over the whole batch. */
  readonly maskedMean: NoAttrs;

  /** (w [O,I,…], s with I elements): w[o,i,…]·s[i]. */
  readonly scaleInputs: NoAttrs;
  /** (w [O,…], s with O elements): w[o,…]·s[o]. */
  readonly scaleOutputs: NoAttrs;
  /** (b [O], w [O,I,…], v with I elements) → [O]: b[o] + Σ w[o,i,…]·v[i]. */
  readonly biasThrough: NoAttrs;
}

export type NoAttrs = Readonly<Record<never, never>>;
export type OpName = keyof Ops;

/** What passes and targets ask of an op, besides what it computes. */
export interface OpTraits {
  /** It treats every site alike, or every 2x2 of them: it is the same on a compact map as on a whole one. */
  readonly perSite: boolean;
  /**
   * It may be computed in f16. Layers are, and what moves their maps. Not what sums squares or a whole map, where f16
   * overflows, underflows or stops growing; what divides by such a sum; what counts patches; nor patch convolutions:
   * what they lose stays in the map that all later blocks add to, and they are a twentieth of the work.
   */
  readonly half: boolean;
}

export const opTraits: { readonly [K in OpName]: OpTraits } = {
  input: { perSite: false, half: false },
  param: { perSite: false, half: false },
  constant: { perSite: false, half: false },
  reshape: { perSite: false, half: false },
  toChannelsLast: { perSite: false, half: true },
  toChannelsFirst: { perSite: false, half: true },
  patchConv: { perSite: true, half: false },
  conv: { perSite: false, half: false },
  unfold: { perSite: false, half: false },
  depthwise: { perSite: false, half: true },
  neighbours: { perSite: false, half: true },
  linear: { perSite: true, half: true },
  layernorm: { perSite: true, half: false },
  normalize: { perSite: true, half: false },
  rescale: { perSite: true, half: false },
  gelu: { perSite: true, half: true },
  grn: { perSite: true, half: false },
  sumSquares: { perSite: false, half: false },
  grnScale: { perSite: false, half: false },
  scaleChannels: { perSite: true, half: true },
  shiftChannels: { perSite: true, half: true },
  add: { perSite: true, half: true },
  meanSites: { perSite: false, half: false },
  maskSites: { perSite: false, half: true },
  fillSites: { perSite: false, half: true },
  patchTable: { perSite: false, half: false },
  gatherSites: { perSite: false, half: true },
  scatterSites: { perSite: false, half: true },
  siteDepthwise: { perSite: false, half: true },
  averagePool: { perSite: false, half: false },
  patchify: { perSite: false, half: false },
  standardize: { perSite: true, half: false },
  siteError: { perSite: false, half: false },
  maskedMean: { perSite: false, half: false },
  scaleInputs: { perSite: false, half: false },
  scaleOutputs: { perSite: false, half: false },
  biasThrough: { perSite: false, half: false },
  ...trainingTraits,
};

/** Ops whose type is an attribute, since no operand says it. */
export const statedTypes: ReadonlySet<OpName> = new Set(["input", "param", "constant", "reshape", "outer"]);

/** Ops of graphs that learn, which no inference has. */
export type TrainingOp = keyof TrainingOps;
/** Ops of the network itself. */
export type NetworkOp = Exclude<OpName, TrainingOp>;

export const trainingOps: ReadonlySet<OpName> = new Set(Object.keys(trainingTraits) as TrainingOp[]);

export const opNames = Object.keys(opTraits) as readonly OpName[];

/** The epsilon of GRN, in every published implementation. */
export const grnEps = 1e-6;

/** Added to a patch's pixel variance by `norm_pix_loss`: models/fcmae.py, forward_loss. */
export const pixelEps = 1e-6;
