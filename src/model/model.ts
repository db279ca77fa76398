import type { Span } from "../diagnostics/diagnostic.ts";
import type { Comparison } from "./comparisons.ts";
import type { Located } from "./field-types.ts";
import type { ModelSettings } from "./fields.ts";

/**
 * A checked model: every field stated, every default filled in, every number in its range. What timm has beyond the
 * published networks is there only where it differs from them, so that it is no part of what those mean (`modelHash`).
 */
export interface Model {
  readonly name: string;
  readonly input: Input;
  /** How a picture becomes input. */
  readonly preprocess: Preprocess;
  readonly stem: Stem;
  readonly stages: readonly Stage[];
  /** Width of the inverted bottleneck over the stage's channels. */
  readonly mlpRatio: number;
  readonly activation: Activation;
  /** The epsilon of every LayerNorm. GRN's own is always 1e-6. */
  readonly normEps: number;
  /** The set over which the encoder's GRN takes its L2 norm; `none` leaves GRN out. */
  readonly grn: GrnScope;
  /** Initial value of the layer scale, or null where there is none. */
  readonly layerScale: number | null;
  /** What stands in the place of every LayerNorm. */
  readonly normLayer?: Exclude<NormLayer, "layernorm">;
  /** No bias in the stem, in downsampling and in depthwise convolutions. */
  readonly convBias?: false;
  readonly head: Head;
  /** SHA-256 in hex of the only file of weights the model takes, or null: no part of what the model is. */
  readonly weightsSha256: string | null;
  readonly span: Span;
}

export interface Input {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Filters by which a picture is resized, as Pillow has them; its number of each is its place here. */
export const filters = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"] as const;
export type Filter = (typeof filters)[number];

/** From a picture to `pixel_values`: resized, the middle cut out, from 0 to 1, less the mean, over the deviation. */
export interface Preprocess {
  /** One a channel of the input, as are the deviations. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Which channel of a picture each of the input is: 0 red, 1 green, 2 blue, 3 alpha. Null: grey alone, or no picture has them. */
  readonly bands: readonly number[] | null;
  readonly resize: Resize;
  readonly interpolation: Filter;
  /** Channels of the input that are shown as grey, as red, green and blue, or as these and alpha. */
  readonly display: readonly number[];
}

/** What a picture is made: so large as to cover a size in its own shape, or squashed to it; the middle of that is the input. */
export interface Resize {
  readonly mode: "cover" | "squash";
  readonly height: number;
  readonly width: number;
}

/** Pixels a side of what a position of the first stage stands for, which is the patch of a stem that has no overlap. */
export interface Stem {
  readonly patch: number;
  /** Two 3x3 convolutions at stride 2 in the place of one whose patches do not overlap. */
  readonly overlap?: Overlap;
}

export interface Stage {
  readonly depth: number;
  readonly dim: number;
  /** Side of the depthwise kernel, odd. */
  readonly kernel: number;
  readonly span: Span;
}

/** timm's stems of two convolutions: plain, narrower between them, and with an activation there. */
export const overlaps = ["overlap", "overlap_tiered", "overlap_act"] as const;
export type Overlap = (typeof overlaps)[number];

/** What a position after a stem of two convolutions stands for. */
export const overlapStride = 4;

/**
 * Channels between the two convolutions. Half of the stem's, where it is tiered: as the nearest multiple of 8 that is no
 * more than a tenth below. timm layers/helpers.py, `make_divisible`.
 */
export function channelsBetween(overlap: Overlap, dim: number): number {
  if (overlap !== "overlap_tiered") return dim;
  const half = Math.floor(dim / 2);
  const nearest = Math.max(8, Math.floor((half + 4) / 8) * 8);
  return nearest < 0.9 * half ? nearest + 8 : nearest;
}

/** LayerNorm, or one that leaves the mean where it is: over the root of the mean square, or over the deviation. */
export const normLayers = ["layernorm", "rmsnorm", "simplenorm"] as const;
export type NormLayer = (typeof normLayers)[number];

export const activations = ["gelu", "gelu_tanh", "silu", "relu"] as const;
export type Activation = (typeof activations)[number];
export const grnScopes = ["per_sample", "per_batch", "none"] as const;
export type GrnScope = (typeof grnScopes)[number];
export type Head = Classifier | Features | Fcmae;

/** Global average pool, norm and a linear layer; 0 classes leave the linear layer out. */
export interface Classifier {
  readonly kind: "classifier";
  readonly classes: number;
  /** Names of the classes in their order, or null. */
  readonly labels: readonly string[] | null;
  readonly problem: Problem;
  /** Outputs of a linear layer with GELU before the last one. */
  readonly hiddenSize?: number;
  /** The norm is that of the map, before it is pooled. */
  readonly normFirst?: true;
}

/** What logits are: one of the classes, by a softmax of all, or any of them, by a sigmoid each. */
export const problems = ["single_label", "multi_label"] as const;
export type Problem = (typeof problems)[number];

/** A classifier of so many classes of which nothing else is said. */
export const classifierOf = (classes: number, labels: readonly string[] | null = null): Classifier => ({
  kind: "classifier",
  classes,
  labels,
  problem: usualProblem(classes),
});

/** One class has no other to share a softmax with. */
export const usualProblem = (classes: number): Problem => (classes === 1 ? "multi_label" : "single_label");

/** One NCHW map a level; levels count from 1. */
export interface Features {
  readonly kind: "features";
  readonly levels: readonly number[];
  readonly norm: boolean;
  /** Pixels that a site of any map stands for at most; left out where that is the total stride. */
  readonly outputStride?: number;
}

/** Fully convolutional masked autoencoder. */
export interface Fcmae {
  readonly kind: "fcmae";
  readonly maskRatio: number;
  readonly patchSize: number;
  readonly decoder: { readonly depth: number; readonly dim: number };
  readonly normPixLoss: boolean;
}

/** How the patches of a mask lie in the input, row by row, and how many of them each sample keeps. */
export function patchGrid(
  { height, width }: Pick<Input, "height" | "width">,
  { patchSize, maskRatio }: Pick<Fcmae, "patchSize" | "maskRatio">,
) {
  const [rows, columns] = [height / patchSize, width / patchSize];
  // As the official code has it: one product of doubles, cut down. 100 patches at 0.9 keep 9.
  return { rows, columns, keep: Math.trunc(rows * columns * (1 - maskRatio)) };
}

/** Targets, in the order of their output. */
export const targetNames = ["wgsl", "onnx", "cuda"] as const;
export type TargetName = (typeof targetNames)[number];
export const storageTypes = ["f32", "f16", "bf16"] as const;
export type StorageType = (typeof storageTypes)[number];

/** How a kernel stores and multiplies: a storage type, or f32 multiplied from operands rounded to TF32. */
export const precisions = [...storageTypes, "tf32"] as const;
export type Precision = (typeof precisions)[number];

/** Most images of a run, in specs as on the command line. */
export const maxBatch = 65_536;

/** Images a run: chosen at run time between `min` and `max`, both included. */
export interface Batch {
  readonly min: number;
  readonly max: number;
}

export interface Build {
  readonly name: string;
  readonly models: readonly string[];
  readonly targets: readonly TargetName[];
  readonly dtypes: readonly StorageType[];
  readonly batch: Batch;
  readonly span: Span;
}

/** What weight decay acts on: the published rules, and what their author has advised since. */
export const decayRules = ["default", "published_pretrain", "published_finetune"] as const;
export type DecayRule = (typeof decayRules)[number];

/** What a layer is to layer-wise decay: a block, or one of twelve groups of them, for depths [3, 3, 27, 3]. */
export const layerDecayTypes = ["single", "group"] as const;
export type LayerDecayType = (typeof layerDecayTypes)[number];

/** How a model is trained, every default filled in. */
export interface Recipe {
  readonly name: string;
  readonly model: string;
  /** Images of a micro-batch. */
  readonly batch: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  readonly length: { readonly unit: RecipeUnit; readonly count: number };
  readonly optimizer: AdamW;
  readonly schedule: CosineSchedule;
  /** The norm of all gradients beyond which they are scaled down to it; null for none. */
  readonly clip: number | null;
  /** Decay of the average of the weights; null for none. */
  readonly ema: number | null;
  /** How much slower each layer learns than the next; null where all learn alike. */
  readonly layerDecay: number | null;
  readonly layerDecayType: LayerDecayType;
  /** Rate of stochastic depth at the last block, rising from 0 at the first. */
  readonly dropPath: number;
  /** What labels give away to all classes. */
  readonly smoothing: number;
  readonly augment: Augment;
  readonly seed: number;
  /** Standard deviation of weights that are drawn, or null for the published initialisation. */
  readonly init: number | null;
  readonly span: Span;
}

/** How images are changed each time they are seen. */
export interface Augment {
  /** The share of its area that a piece of the image has, drawn between the two; null for the image as evaluation fits it. */
  readonly crop: { readonly min: number; readonly max: number } | null;
  /** Half of the images are mirrored, left to right. */
  readonly flip: boolean;
  /** Both parameters of the Beta distribution of shares by which two images are laid over each other; 0 for never. */
  readonly mixup: number;
  /** The same of the area that stays where a box of one image is put into another; 0 for never. */
  readonly cutmix: number;
}

/** Whether a recipe changes images at all. */
export const changes = (augment: Augment): boolean => augment.crop !== null || augment.flip || mixes(augment);

/** Whether a recipe mixes images, and labels with them. */
export const mixes = ({ mixup, cutmix }: Augment): boolean => mixup > 0 || cutmix > 0;

/** What a recipe counts in: its length, its warm-up and its schedule. */
export type RecipeUnit = "steps" | "epochs";

export interface AdamW {
  /** For the images of a whole step, at the end of the warm-up. */
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly decays: DecayRule;
  readonly eps: number;
}

/** In the recipe's unit; `first` is the time of the first step. */
export interface CosineSchedule {
  readonly warmup: number;
  readonly total: number;
  readonly first: number;
  readonly minLr: number;
}

/** One varied field, as its path (`dims[0]`, `head.classes`) and the values it takes. */
export interface Axis {
  readonly path: string;
  /** The path apart: `["dims", 0]`. */
  readonly steps: readonly (string | number)[];
  /** Numbers, flags and words as such, all else as the spec's text for it: `224x224x3`. */
  readonly values: readonly (number | string | boolean)[];
  /** The same values as fields hold them; `modelAt` puts them in their place. */
  readonly choices: readonly Located<unknown>[];
  readonly span: Span;
}

/** `params <= 6M`: points of a sweep that break it are dropped. */
export interface Requirement {
  readonly quantity: "params" | "macs";
  readonly compare: Comparison;
  readonly limit: number;
  readonly span: Span;
}

/** A product of axes over a parent model, less what a requirement removes. Expanded only when it is explored. */
export interface Sweep {
  readonly name: string;
  readonly parent: string;
  /** The fields that the axes vary: those the parent states or inherits. */
  readonly base: ModelSettings;
  readonly axes: readonly Axis[];
  readonly requirements: readonly Requirement[];
  readonly span: Span;
}

/** Everything the named spec declares or imports, checked. */
export interface Program {
  /** Every visible model by name, the imported ones too, in order of declaration. */
  readonly models: ReadonlyMap<string, Model>;
  /** Names of the models declared in the named file itself. */
  readonly declared: readonly string[];
  readonly builds: readonly Build[];
  readonly sweeps: readonly Sweep[];
  /** By name, the imported ones too. */
  readonly recipes: ReadonlyMap<string, Recipe>;
}

/** Pixels of input a position of the last stage stands for: stem patch times 2 for each further stage. */
export const totalStride = (stemPatch: number, stages: number): number => stemPatch * 2 ** (stages - 1);

/** How far apart the taps of a stage are, on its maps, where they are not side by side. */
export interface Dilation {
  /** Of the 2x2 convolution that the stage begins with, in place of a stride. */
  readonly entry: number;
  /** Of the blocks' depthwise convolutions. */
  readonly blocks: number;
}

/**
 * Of each stage of a model with an output stride: null for those that have a stride; in each further one the taps of the
 * blocks are twice as far apart. As timm has it: those of the convolution before them are 2 apart from the second such
 * stage on (models/convnext.py, `first_dilation`).
 */
export function dilationsOf({
  stem,
  stages,
  head,
}: Pick<Model, "stem" | "stages" | "head">): readonly (Dilation | null)[] {
  const most = head.kind === "features" ? head.outputStride : undefined;
  return stages.map((_, i) => {
    const stride = totalStride(stem.patch, i + 1);
    if (most === undefined || stride <= most) return null;
    const blocks = stride / most;
    return { entry: blocks === 2 ? 1 : 2, blocks };
  });
}

/** Up to this stride what is left over of a length is a site of its own, as convolutions that overlap have it. */
export const roundedUp = (stem: Stem): number => (stem.overlap === undefined ? 1 : stem.patch);

/** Sites along a length, of a stride: a convolution that does not overlap takes nothing of what is left over. */
export const sitesAlong = (length: number, stride: number, up: number): number =>
  Math.floor((length + Math.min(stride, up) - 1) / stride);

/** Rows and columns of the maps of a stage, counted from 0. */
export function stageSites({ input, stem, head }: Pick<Model, "input" | "stem" | "head">, stage: number) {
  const most = head.kind === "features" ? head.outputStride : undefined;
  const stride = Math.min(totalStride(stem.patch, stage + 1), most ?? Number.POSITIVE_INFINITY);
  const up = roundedUp(stem);
  return { height: sitesAlong(input.height, stride, up), width: sitesAlong(input.width, stride, up) };
}
