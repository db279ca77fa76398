/** Storage type. Sums, means, variances, eps and division are always f32 (f64 in `evaluate`). */
export type DType = "f32";

/** A length, or `N`: the batch, which only a first dimension may be. */
export type Dim = number | "N";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** The set over which GRN takes its L2 norm: the sites of one sample, or of the whole batch. */
export type GrnOver = "sample" | "batch";

/** `erf` is PyTorch's default; `tanh` its `approximate="tanh"`. */
export type GeluForm = "erf" | "tanh";

/**
 * One line per op: its attributes. Operands and meaning stand beside it; activations are channels-last.
 * Inference, verification, evaluation, printing and emission are exhaustive tables over this interface.
 */
export interface Ops {
  /** A graph input. */
  readonly input: { readonly type: TensorType };
  /** A checkpoint tensor under its official name, in its official shape. */
  readonly param: { readonly type: TensorType };

  /** (x [N,C,H,W]) → [N,H,W,C] */
  readonly toChannelsLast: NoAttrs;
  /** (x [N,H,W,C]) → [N,C,H,W] */
  readonly toChannelsFirst: NoAttrs;
  /** (x [N,H,W,I], w [O,I,s,s], b [O]) → [N,H/s,W/s,O]: convolution whose stride is its kernel, so patches never overlap. */
  readonly patchConv: { readonly size: number };
  /** (x [N,H,W,C], w [C,1,k,k], b [C]) → [N,H,W,C]: depthwise correlation, zero padding (k−1)/2. */
  readonly depthwise: { readonly kernel: number };
  /** (x […,K], w [O,K], b [O]) → […,O]: x·wᵀ + b. */
  readonly linear: NoAttrs;
  /** (x […,C], γ [C], β [C]): γ·(x − mean)/√(var + eps) + β over the last dimension, biased variance. */
  readonly layernorm: { readonly eps: number };
  /** (x […,C]): LayerNorm without its affine part. */
  readonly normalize: { readonly eps: number };
  /** (x): x·Φ(x). */
  readonly gelu: { readonly form: GeluForm };
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

  /** (w [O,I,…], s with I elements): w[o,i,…]·s[i]. */
  readonly scaleInputs: NoAttrs;
  /** (w [O,…], s with O elements): w[o,…]·s[o]. */
  readonly scaleOutputs: NoAttrs;
  /** (b [O], w [O,I,…], v with I elements) → [O]: b[o] + Σ w[o,i,…]·v[i]. */
  readonly biasThrough: NoAttrs;
}

export type NoAttrs = Readonly<Record<never, never>>;
export type OpName = keyof Ops;

/** The epsilon of GRN, in every published implementation. */
export const grnEps = 1e-6;
