import { type Measured, nothingMeasured } from "./measured.ts";
import type { GemvTile, TiledTile } from "./tile.ts";

/** What every WebGPU allows, and every tile keeps to. */
export const limits = {
  workgroupBytes: 16384,
  invocations: 256,
  groups: 65535,
} as const;

/** Tiles for WebGPU's adapters, and those for CUDA. */
export type WebgpuTuningName = "gpu" | "lavapipe" | "swiftshader";
export type TuningName = WebgpuTuningName | "cuda";

/**
 * What a direct product costs on a software adapter, in units of one 4 x 4 multiply of one SIMD group:
 * fitted to measurements (see bench), where only the ratios matter.
 */
export interface DirectCosts {
  /** Invocations the adapter runs in one SIMD group. */
  readonly simd: number;
  /** Loading a quad, multiplying a cell by it, finishing a cell, starting a group. */
  readonly load: number;
  readonly multiply: number;
  readonly finish: number;
  readonly group: number;
}

export interface Tuning {
  readonly gemm:
    | {
        readonly kind: "direct";
        readonly rows: readonly number[];
        readonly quads: readonly number[];
        readonly lanes: readonly (readonly [number, number])[];
        /** Most row x quad cells an invocation keeps: bounds registers and the driver's compile time. */
        readonly cells: number;
        /** Groups wanted, to keep the threads of the adapter busy. */
        readonly groups: number;
        readonly costs: DirectCosts;
      }
    | {
        readonly kind: "tiled";
        /** Largest first; the first with enough groups is taken, else the last. */
        readonly tiles: readonly TiledTile[];
        readonly groups: number;
      }
    | {
        readonly kind: "exact";
        /** Rows and columns to choose from; columns that divide the product's come before all others. */
        readonly rows: readonly number[];
        readonly columns: readonly number[];
        readonly depth: number;
        /** Groups that run at once, and what loading a row or column costs in units of its products. */
        readonly groups: number;
        readonly load: number;
        /** Images that run together. */
        readonly images: number;
        /** Shapes whose tile is not computed but known. */
        readonly measured: Measured["products"];
      };
  /** Sites an invocation makes of a row: the widest first. */
  readonly runs: readonly number[];
  /** Most sites of a row that a group makes. */
  readonly strip: number;
  /** Invocations of a group that are wanted where a kernel can choose. */
  readonly invocations: number;
  /**
   * Most invocations of a group that meets at barriers. A software adapter keeps each SIMD group of them as a coroutine
   * with a stack of its own; one SIMD group that goes round is cheaper.
   */
  readonly meeting: number;
  /** False on adapters that run what a branch skips, with its results masked out. */
  readonly branches: boolean;
  readonly share: number;
  readonly gemv: GemvTile;
  /** Most partial rows that a second linear adds up itself; above, a `grn-scale` kernel does. */
  readonly grnTiles: number;
}

const cpu = {
  runs: [14, 7, 8, 4, 1],
  strip: 14,
  invocations: 32,
  share: 1,
  gemv: { lanes: [16, 1] },
  grnTiles: 0,
} as const;

export const tunings: { readonly [name in TuningName]: Tuning } = {
  gpu: {
    gemm: {
      kind: "tiled",
      tiles: [
        { kind: "tiled", rows: 64, columns: 64, depth: 16, cell: [4, 1] },
        { kind: "tiled", rows: 32, columns: 64, depth: 16, cell: [4, 1] },
        { kind: "tiled", rows: 32, columns: 32, depth: 32, cell: [4, 1] },
      ],
      groups: 64,
    },
    runs: [7, 8, 4, 2, 1],
    strip: 16,
    invocations: 128,
    meeting: limits.invocations,
    branches: true,
    share: 8,
    gemv: { lanes: [16, 16] },
    grnTiles: 64,
  },
  lavapipe: {
    ...cpu,
    meeting: 8,
    branches: true,
    gemm: {
      kind: "direct",
      rows: [4, 7, 8],
      quads: [1, 2],
      lanes: [
        [8, 1],
        [4, 2],
        [2, 4],
        [16, 1],
        [10, 4],
        [20, 2],
        [6, 4],
        [12, 2],
      ],
      cells: 8,
      groups: 8,
      costs: { simd: 8, load: 1, multiply: 2, finish: 16, group: 40 },
    },
  },
  cuda: {
    gemm: {
      kind: "exact",
      rows: [128, 112, 64, 32], // 112 divides the sites of stages at 224 x 224
      columns: [128, 96, 88, 80, 64, 48, 40, 32, 24, 16, 8],
      depth: 16,
      groups: 132,
      load: 32,
      images: 1,
      measured: nothingMeasured.products,
    },
    runs: [7, 8, 4, 2, 1],
    strip: 16,
    invocations: 128,
    meeting: limits.invocations,
    branches: true,
    share: 8,
    gemv: { lanes: [8, 8] },
    grnTiles: 0,
  },
  swiftshader: {
    ...cpu,
    meeting: 4,
    branches: false,
    gemm: {
      kind: "direct",
      rows: [4, 7, 8, 10, 12, 13, 14],
      quads: [1, 2, 3, 4, 5],
      lanes: [
        [4, 1],
        [2, 2],
        [1, 4],
        [8, 1],
        [4, 2],
        [2, 4],
        [10, 2],
        [5, 4],
      ],
      cells: 56,
      groups: 8,
      costs: { simd: 4, load: 2, multiply: 1, finish: 12, group: 40 },
    },
  },
};

/** A tuning for a batch: where tiles may differ by it, many images fill the device as many rows do. */
export const tuningFor = (name: TuningName, batch: { readonly max: number }, measured = nothingMeasured): Tuning => {
  const tuning = tunings[name];
  const { gemm } = tuning;
  if (gemm.kind !== "exact") return tuning;
  return { ...tuning, gemm: { ...gemm, images: batch.max, measured: measured.products } };
};
