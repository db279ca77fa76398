import type { StorageType } from "../model/model.ts";
import type { Bound } from "./predict.ts";
import type { Profile } from "./stage-cache.ts";

/** A device with how it stores and how many images it takes: what predictions are made for. */
export interface Setting {
  /** How columns name it: the device, with `/f16` and `/b8` where a run has several of them. */
  readonly label: string;
  readonly device: string;
  readonly title: string;
  readonly dtype: StorageType;
  readonly batch: number;
}

/** What a variant needs and takes under one setting. */
export interface Estimate {
  readonly kernels: number;
  readonly weightBytes: number;
  /** Peak of scratch memory, bytes of an image. */
  readonly scratchBytes: number;
  /** Bytes that a pass over the batch moves between kernels, every operand once. */
  readonly bytesMoved: number;
  /** Of a pass over the batch. */
  readonly milliseconds: number;
  readonly bound: Bound;
  /** The same, measured on a device; null where it was not. */
  readonly measured: number | null;
}

export interface StageShape {
  readonly depth: number;
  readonly dim: number;
  readonly kernel: number;
  readonly height: number;
  readonly width: number;
}

/** One point of a sweep. */
export interface Variant {
  /** Its place in the product: the last axis varies fastest. */
  readonly index: number;
  /** A value for each axis. */
  readonly values: readonly (number | string | boolean)[];
  readonly stages: readonly StageShape[];
  readonly params: number;
  /** Multiply-adds of an image. */
  readonly macs: number;
  /** What convolutions and linear layers give for an image, in values. */
  readonly activations: number;
  /** One for each setting. */
  readonly estimates: readonly Estimate[];
}

/** What was asked, as far as it decides about rows: parts of one exploration agree on all of it. */
export interface Query {
  /** SHA-256 of the spec and what it imports. */
  readonly spec: string;
  readonly sweep: string;
  readonly axes: readonly { readonly path: string; readonly values: readonly (number | string | boolean)[] }[];
  readonly settings: readonly Setting[];
  readonly where: readonly string[];
  readonly sort: readonly string[];
  readonly top: number | null;
  /** Columns that the front trades against each other. */
  readonly front: readonly string[];
}

/** What `explore` found: the document that `--json` prints and the report shows. */
export interface Exploration {
  readonly format: "cnxc-exploration-1";
  readonly query: Query;
  /** Points of the product before requirements. */
  readonly points: number;
  /** Points that were looked at; fewer in a shard, a search, or where the run was interrupted. */
  readonly visited: number;
  /** False where the run was interrupted. */
  readonly complete: boolean;
  /** Which part of the whole this is; null for all of it. */
  readonly shard: { readonly index: number; readonly of: number } | null;
  /** How the points were chosen where not all were. */
  readonly search: { readonly seed: number; readonly budget: readonly string[] } | null;
  readonly variants: readonly Variant[];
  /** Indices of variants than which no other is better in every column of the front. */
  readonly front: readonly number[];
}

/** What a report shows of a variant besides its row, of the first setting. */
export interface Detail {
  readonly index: number;
  readonly profile: Profile;
  /** Seconds of each entry of the profile's kernels, times its count, and what bounds it. */
  readonly times: readonly { readonly seconds: number; readonly bound: Bound }[];
}
