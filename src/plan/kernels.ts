import type { GeluApproximation, PatchGrid, RescaledBy } from "../graph/ops.ts";
import {
  divideUp,
  type GemmTile,
  type GemvTile,
  type LineTile,
  type NormTile,
  roundUp,
  type StripTile,
} from "./tiles/tile.ts";
import type { DepthwiseChoice, MlpChoice, ProductChoice } from "./tiles/tuned-choices.ts";
import type { MayBePooled, TrainingKernelParams } from "./training-kernels.ts";

/** One line a kernel kind: what the plan decides about it. A target's own kernel table makes all other numbers from these. */
export interface KernelParams extends TrainingKernelParams {
  readonly depthwise: DepthwiseParams;
  readonly gemm: GemmParams;
  readonly mlp: MlpParams;
  readonly downsample: DownsampleParams;
  readonly stem: StemParams;
  readonly pool: PoolParams;
  readonly gemv: GemvParams;
  readonly sumSquares: SumSquaresParams;
  readonly grnScale: GrnScaleParams;
  readonly rowNorm: RowNormParams;
  readonly toChannelsFirst: ToChannelsFirstParams;
  readonly elementwise: ElementwiseParams;
  readonly patchTable: PatchGrid;
  readonly gatherSites: GatherSitesParams;
  readonly placeSites: PlaceSitesParams;
  readonly siteDepthwise: SiteDepthwiseParams;
  readonly collect: CollectParams;
  readonly averagePool: AveragePoolParams;
  readonly unfold: UnfoldParams;
  readonly rescale: RescaleParams;
  readonly siteError: SiteErrorParams;
  readonly maskedMean: MaskedMeanParams;
  readonly widen: WidenParams;
  readonly pack: PackParams;
}

export type KernelKind = keyof KernelParams;
/** Kernels of graphs that learn. */
export type TrainingKind = keyof TrainingKernelParams;

/** LayerNorm over channels after the sum; `affine` adds gain and shift. */
export interface NormParams {
  readonly eps: number;
  readonly affine: boolean;
}

/** Which patch a site lies in: the grid, and the sites of a patch. */
export interface PatchGeometry extends PatchGrid {
  /** Sites of a patch down and across. */
  readonly down: number;
  readonly across: number;
}

export interface DepthwiseParams {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  /** How far apart its taps are, where they are not side by side. */
  readonly dilation?: number;
  readonly norm: NormParams | null;
  readonly tile: StripTile;
  /** CUDA's tile, where its passes have chosen one. */
  readonly choice?: DepthwiseChoice;
}

/** Depthwise convolution of a compact map: `depthwise`, but neighbours are looked up patch by patch. */
export interface SiteDepthwiseParams extends PatchGeometry {
  readonly channels: number;
  readonly kernel: number;
  readonly norm: NormParams | null;
  /** By rows of patches: sites of a workgroup, a whole number of rows or a part of one; of an invocation, all in one row. */
  readonly tile: LineTile;
}

/** How a product's rows are scaled per input channel: by a ready vector, or from partial sums of squares. */
export type GrnInput = { readonly kind: "vector" } | { readonly kind: "partials"; readonly tiles: number };

/** What tensor cores do with a product, where a target's passes have chosen it. */
interface OnTensorCores {
  readonly choice?: ProductChoice;
}

export interface GemmParams extends OnTensorCores {
  readonly title: string;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly gelu: GeluApproximation | null;
  readonly residual: boolean;
  readonly grn: GrnInput | null;
  /** Rows in removed patches come out as zeros, whatever goes in. */
  readonly mask: PatchGeometry | null;
  /** Also leave sums of squares of the result, one row per tile. */
  readonly squares: boolean;
  /** Also leave what GELU is of. */
  readonly hidden?: true;
  readonly tile: GemmTile;
  /** The last block of an image turns its sums of squares into GRN's factors. */
  readonly grnEpilogue?: true;
  /** The result itself is not kept, only its statistics are. */
  readonly statisticsOnly?: true;
}

/** Both linears of a block: the hidden values between them are rematerialised once GRN's factors are known. */
export interface MlpParams {
  readonly expand: GemmParams;
  readonly project: GemmParams;
  readonly choice: MlpChoice;
}

export interface DownsampleParams extends OnTensorCores {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly columns: number;
  readonly norm: { readonly eps: number } | null;
  readonly tile: GemmTile;
}

/** The product that a 2x2 convolution with stride 2 is: its rows, inner dimension and columns, and nothing more. */
export const downsampleProduct = ({
  height,
  width,
  channels,
  columns,
  tile,
  choice,
}: DownsampleParams): GemmParams => ({
  title: "2x2 convolution with stride 2",
  rows: Math.floor(height / 2) * Math.floor(width / 2),
  depth: 4 * channels,
  columns,
  gelu: null,
  residual: false,
  mask: null,
  grn: null,
  squares: false,
  tile,
  ...(choice === undefined ? {} : { choice }),
});

export interface StemParams {
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly channels: number;
  readonly patch: number;
  /** Where a mask's patches lie: the output is compact then, a row of a patch a row of sites. Null for the whole map. */
  readonly grid: PatchGrid | null;
  readonly norm: NormParams | null;
  readonly tile: StripTile;
}

/** Rows and columns of the output. */
export const stemSites = ({ height, width, patch, grid }: Pick<StemParams, "height" | "width" | "patch" | "grid">) => {
  const [down, across] = [Math.floor(height / patch), Math.floor(width / patch)];
  if (grid === null) return { height: down, width: across };
  return { height: (grid.keep * down) / grid.rows, width: across / grid.columns };
};

export interface PoolParams {
  readonly sites: number;
  readonly channels: number;
  readonly norm: NormParams | null;
  readonly invocations: number;
}

export interface GemvParams {
  readonly title: string;
  readonly depth: number;
  readonly columns: number;
  readonly tile: GemvTile;
}

export interface SumSquaresParams {
  readonly rows: number;
  readonly channels: number;
}

/** Rows that a workgroup sums one after the other. */
export const squareStrip = 64;

/** How many rows of partial sums the kernel leaves. */
export const squareStrips = (rows: number): number => divideUp(rows, squareStrip);

export interface GrnScaleParams {
  readonly channels: number;
  readonly tiles: number;
  /** One scale for the whole batch instead of one an image. */
  readonly batch: boolean;
  readonly invocations: number;
}

export interface RowNormParams {
  readonly rows: number;
  readonly channels: number;
  readonly norm: NormParams;
  /** The rows are pooled vectors, not the sites of a map. */
  readonly pooled: boolean;
  readonly tile: NormTile;
}

export interface ToChannelsFirstParams {
  readonly sites: number;
  readonly channels: number;
  readonly tile: NormTile;
}

/** What a kernel may do value by value: x is its input, y the other operand, that of a channel where it is one's own. */
interface Elementwise {
  readonly value: string;
  readonly other: "value" | "channel" | "channel of an image" | null;
  /** The form of GELU that it is, if it is one: each language has its own. */
  readonly gelu: GeluApproximation | null;
}

export const elementwiseOps = {
  gelu: { value: "gelu(x)", other: null, gelu: "erf" },
  "gelu-tanh": { value: "gelu(x)", other: null, gelu: "tanh" },
  silu: { value: "silu(x)", other: null, gelu: "silu" },
  relu: { value: "relu(x)", other: null, gelu: "relu" },
  add: { value: "x + y", other: "value", gelu: null },
  scale: { value: "x * y", other: "channel", gelu: null },
  "scale-each": { value: "x * y", other: "channel of an image", gelu: null },
  shift: { value: "x + y", other: "channel", gelu: null },
  twice: { value: "2.0f * x", other: null, gelu: null },
  negated: { value: "-x", other: null, gelu: null },
  complement: { value: "1.0f - x", other: null, gelu: null },
} as const satisfies Readonly<Record<string, Elementwise>>;

export type ElementwiseOp = keyof typeof elementwiseOps;

export interface ElementwiseParams {
  readonly op: ElementwiseOp;
  /** It is about a pooled vector, which is f32 whatever maps are kept in. */
  readonly pooled?: true;
  /** An image's vector lies close to the next one's; those of GRN's factors are padded. */
  readonly close?: true;
  /** Elements of an image. */
  readonly length: number;
  readonly channels: number;
}

/** Kept patches of a whole map, one below the other; of an image whose channels lie one after the other where `fromImage`. */
export interface GatherSitesParams extends PatchGeometry, MayBePooled {
  readonly channels: number;
  readonly fromImage?: true;
}

/** Kept patches in their place on the whole map, from a compact map or from a whole one; removed ones 0 or the token. */
export interface PlaceSitesParams extends PatchGeometry, MayBePooled {
  readonly channels: number;
  readonly from: "compact" | "whole";
  readonly token: boolean;
}

/** Sums of some values of a map [height, width, channels], or for `neighbourSum` of its neighbours, where they are there. */
export type CollectParams = {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
} & (
  | { readonly op: "neighbours" | "neighbourSum"; readonly dilation: number }
  | { readonly op: "padSites"; readonly to: { readonly height: number; readonly width: number } }
);

/** Means over size by size sites that do not overlap. */
export interface AveragePoolParams {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly size: number;
}

/** Rows over the root of their mean square, or over their deviation. */
export interface RescaleParams {
  readonly rows: number;
  readonly channels: number;
  readonly eps: number;
  readonly by: RescaledBy;
  /** The rows are pooled vectors, not the sites of a map. */
  readonly pooled?: true;
}

/** What is under the taps of a convolution with zero padding, site by site. */
export interface UnfoldParams {
  /** Of the map that is read. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  /** The map is an image, whose channels lie one after the other. */
  readonly fromImage?: true;
}

/** Mean squared error of every patch, against the image's own pixels. */
export interface SiteErrorParams extends Pick<PatchGrid, "rows" | "columns"> {
  /** Pixels of a patch's side, and channels of the image. */
  readonly size: number;
  readonly channels: number;
  /** Added to the variance that a patch's pixels are divided by; null leaves pixels as they are. */
  readonly eps: number | null;
  /** Only removed patches are wanted; the error of kept ones is 0. */
  readonly removedOnly: boolean;
  /** Predictions are there of so many patches alone, which a table names. */
  readonly gathered?: number;
  readonly invocations: number;
}

/** Mean over the removed patches of all images. */
export interface MaskedMeanParams {
  /** Patches of an image. */
  readonly patches: number;
  readonly invocations: number;
}

/** A copy in f32 of what other kernels read in 16 bits. */
export interface WidenParams {
  /** Elements of an image. */
  readonly length: number;
}

export interface PackParams {
  readonly columns: number;
  readonly channels: number;
  /** Spatial taps of the source weight, innermost there: 1 linear, 4 downsample, k*k depthwise. */
  readonly taps: number;
  readonly packed: PackedShape;
  /** The layer has no bias of its own. */
  readonly bare?: true;
  /** The weight as gradients come back through it: a matrix transposed, a depthwise kernel by half a turn. No bias then. */
  readonly turned?: "transposed" | "flipped";
  /** What is done to weight and bias before, in order. */
  readonly fold: readonly FoldStep[];
}

/** A change of a layer's weight w[n,c,tap] or bias b[n] by a vector f, which the packing reads as `by`. */
export interface FoldStep {
  readonly op: FoldOp;
  readonly by: string;
}

/** w *= f[c]; w *= f[n]; b *= f[n]; b += sum over c and tap of w * f[c], where w is what the steps before have left. */
export type FoldOp = "scaleInputs" | "scaleOutputs" | "scaleBias" | "biasThrough";

/** What a step changes, and what its vector has an element for. */
export const foldOps = {
  scaleInputs: { of: "weight", along: "channels" },
  scaleOutputs: { of: "weight", along: "columns" },
  scaleBias: { of: "bias", along: "columns" },
  biasThrough: { of: "bias", along: "channels" },
} as const satisfies Readonly<Record<FoldOp, object>>;

/** The vectors that a packing reads, and how long each is. */
export const foldVectors = (p: PackParams): ReadonlyMap<string, number> =>
  new Map(p.fold.map(({ op, by }) => [by, p[foldOps[op].along]]));

/** The shape of a packed weight. */
export interface PackedShape {
  /** Rows that a tap takes; null where the rows are in the checkpoint's order, the taps of a channel side by side. */
  readonly segment: number | null;
  readonly depth: number;
  readonly columns: number;
}

/** The packed weight of a depthwise convolution: [k*k][C], C padded to 4. */
export const depthwisePacked = (shape: { readonly kernel: number; readonly channels: number }): PackedShape => ({
  segment: null,
  depth: shape.kernel * shape.kernel,
  columns: roundUp(shape.channels, 4),
});

/** The packed weight of a stem: [Cin*p*p][N], N padded to 4. */
export const stemPacked = (shape: {
  readonly inChannels: number;
  readonly patch: number;
  readonly channels: number;
}): PackedShape => ({
  segment: null,
  depth: shape.inChannels * shape.patch * shape.patch,
  columns: roundUp(shape.channels, 4),
});

/** The packed weight of a gemv. */
export const gemvPacked = (
  tile: GemvTile,
  shape: { readonly depth: number; readonly columns: number },
): PackedShape => {
  const depth = roundUp(shape.depth, 4);
  return { segment: depth, depth, columns: roundUp(shape.columns, 4 * tile.workgroup[0]) };
};

export * from "./training-kernels.ts";
