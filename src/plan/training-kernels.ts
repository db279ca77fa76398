import type { GeluApproximation } from "../graph/ops.ts";
import type { Variance } from "../graph/training-ops.ts";
import type { PatchGeometry, RescaleParams, SiteErrorParams, UnfoldParams } from "./kernels.ts";
import type { GemmTile } from "./tiles/tile.ts";

/** Kernels of graphs that learn, a line each as in `KernelParams`. */
export interface TrainingKernelParams {
  readonly weightGrad: WeightGradParams;
  readonly depthwiseGrad: DepthwiseGradParams;
  readonly columnSums: ColumnSumsParams;
  readonly columnTotals: ColumnTotalsParams;
  readonly weightwise: WeightwiseParams;
  readonly weightDot: WeightDotParams;
  readonly rearrange: RearrangeParams;
  readonly rescaleGrad: RescaleParams;
  readonly unfoldGrad: Omit<UnfoldParams, "fromImage">;
  readonly inverseDeviation: RowStatisticsParams;
  readonly standardize: RowStatisticsParams;
  readonly normalizeGrad: Omit<RowStatisticsParams, "eps">;
  readonly pointwise: PointwiseParams;
  readonly grnGrad: GrnGradParams;
  readonly scaleSamples: ScaleSamplesParams;
  readonly siteErrorGrad: Omit<SiteErrorParams, "removedOnly">;
  readonly maskedMeanGrad: MaskedMeanGradParams;
  readonly crossEntropy: CrossEntropyParams;
  readonly crossEntropyGrad: CrossEntropyParams & MayBeScaled;
}

export interface MayBePooled {
  /** It is about pooled vectors, which are f32 whatever maps are kept in. */
  readonly pooled?: true;
}

/**
 * The gradient of a matrix of weights, Σ d·x over the rows of all images. Rows are cut into `parts`, each summed in chains
 * of `chain` rows and left by itself, so that no sum gets long and the same bits come out of every run.
 */
export interface WeightGradParams extends MayBePooled {
  readonly outputs: number;
  readonly inputs: number;
  /** Rows and columns of the map of d, one row of 1 where there are no sites. */
  readonly height: number;
  readonly width: number;
  /** Side of the patch of x that belongs to a row of d; its sites are the taps of the weight. */
  readonly size: number;
  /** The map of x, where its patches leave some of it out. */
  readonly of?: { readonly height: number; readonly width: number };
  readonly parts: number;
  readonly chain: number;
  /** Its rows are outputs. */
  readonly tile: GemmTile;
}

/** The same of a depthwise kernel. Lines of d, of all images, are cut into `parts`. */
export interface DepthwiseGradParams {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  /** How far apart its taps are, where they are not side by side. */
  readonly dilation?: number;
  readonly parts: number;
  /** Where the patches of a compact map lie; null for a whole map. */
  readonly patches: PatchGeometry | null;
}

/** Sums of an image's columns, a row of them for each strip of its rows. */
export interface ColumnSumsParams extends MayBePooled {
  readonly rows: number;
  readonly channels: number;
  /** Products with another map are summed. */
  readonly dot: boolean;
  /** GELU of that map, which holds what it is of. */
  readonly gelu: GeluApproximation | null;
  /** Only the sites of removed patches are. */
  readonly removed: PatchGeometry | null;
}

/** Rows that a workgroup sums one after the other. */
export const columnStrip = 128;

/** Rows of partial sums to one: of each image, or of all. */
export interface ColumnTotalsParams {
  readonly length: number;
  /** How many rows there are, of an image where they are batched. */
  readonly rows: number;
  readonly over: "sample" | "batch" | "parts";
  /** The sums are [taps][C] and become [C][taps]; 1 where they stay as they are. */
  readonly taps: number;
}

/** A weight [outputs][inputs][taps]. */
interface WeightShape {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
}

/** A product weight by weight: of a weight, or of its outputs' values, and of its outputs' or its inputs'. */
export interface WeightTerm {
  readonly x: "whole" | "outputs";
  readonly y: "outputs" | "inputs" | null;
}

/** The sum of some products. */
export interface WeightwiseParams extends WeightShape {
  readonly terms: readonly WeightTerm[];
}

/** Sums of products over all of a weight but its outputs, or but its inputs. */
export interface WeightDotParams extends WeightShape {
  readonly to: "outputs" | "inputs";
  /** What x is multiplied by: another weight, or a vector of outputs or of inputs. */
  readonly by: "whole" | "outputs" | "inputs";
}

/** Values in another order, some of them several times. */
export type RearrangeParams = {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
} & (
  | { readonly op: "toChannelsLast" | "spreadSites" }
  | { readonly op: "spreadPool" | "depthToSpace" | "patchify"; readonly size: number }
);

/** Sums over the last dimension, a thread a row. */
export interface RowStatisticsParams extends MayBePooled {
  /** Of an image. */
  readonly rows: number;
  readonly channels: number;
  readonly eps: number;
  readonly variance: Variance;
}

/** What is read for each value: of a map, or of its channel, or of its channel and image, close to the next image's or padded. */
export interface PointwiseRead {
  readonly role: string;
  /** What formulas call its value. */
  readonly name: string;
  readonly per: "value" | "channel" | "channel of an image";
  readonly close?: true;
}

type GeluOp = "gelu" | "gelu-tanh" | "silu" | "relu";

/** An op on what is read, by its name, or on what the n-th op has made, `vn`. */
export interface PointwiseOp {
  readonly op: GeluOp | `${GeluOp}-grad` | "multiply" | "add";
  readonly args: readonly string[];
}

/** Ops value by value, the last of which gives the result. */
export interface PointwiseParams extends MayBePooled {
  /** Elements of an image. */
  readonly length: number;
  readonly channels: number;
  readonly reads: readonly PointwiseRead[];
  readonly ops: readonly PointwiseOp[];
}

/** Of GRN's factors, with respect to their sums of squares, or what is summed over the images to be gamma's. */
export interface GrnGradParams {
  readonly of: "squares" | "response";
  readonly channels: number;
  readonly tiles: number;
  readonly batch: boolean;
  readonly eps: number;
}

export interface ScaleSamplesParams {
  /** Elements of an image. */
  readonly length: number;
  readonly blocks: number;
  readonly index: number;
}

/** The gradient of a loss. */
export interface MayBeScaled {
  /** Times a power of 2; not where it is left out. */
  readonly scale?: number;
}

export interface MaskedMeanGradParams extends MayBeScaled {
  readonly patches: number;
}

export interface CrossEntropyParams {
  readonly classes: number;
}
