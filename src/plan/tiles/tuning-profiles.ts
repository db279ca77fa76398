import type { GemmTile, GemvTile, TiledTile } from "./tile.ts";
import { type TunedChoices, untuned } from "./tuned-choices.ts";

/** What every WebGPU allows, and every tile keeps to. */
export const webgpuLimits = {
  workgroupBytes: 16384,
  invocations: 256,
  workgroupsPerDimension: 65535,
} as const;

/** The profiles of WebGPU's adapters, and that of CUDA. */
export type WebgpuProfileName = "gpu" | "lavapipe" | "swiftshader" | "software";
export type ProfileName = WebgpuProfileName | "cuda";

/**
 * What a direct product costs on a software adapter, in units of one 4 x 4 multiply of one SIMD group:
 * fitted to measurements (see bench), where only the ratios matter.
 */
export interface DirectCosts {
  /** Invocations the adapter runs in one SIMD group. */
  readonly simd: number;
  /** Loading a quad, multiplying a row of it, the epilogue of an accumulator, starting a workgroup. */
  readonly load: number;
  readonly multiply: number;
  readonly epilogue: number;
  readonly workgroup: number;
}

export interface TuningProfile {
  readonly gemm:
    | {
        readonly kind: "direct";
        readonly rows: readonly number[];
        readonly quads: readonly number[];
        readonly workgroupSizes: readonly (readonly [number, number])[];
        /** Most accumulators of an invocation, rows x quads: bounds registers and the driver's compile time. */
        readonly accumulators: number;
        /** Workgroups that keep the threads of the adapter busy. */
        readonly workgroups: number;
        readonly costs: DirectCosts;
      }
    | {
        readonly kind: "tiled";
        /** Largest first; the first with enough workgroups is taken, else the last. */
        readonly tiles: readonly TiledTile[];
        readonly workgroups: number;
      }
    | {
        readonly kind: "exact";
        /** Rows and columns to choose from; columns that divide the product's come before all others. */
        readonly rows: readonly number[];
        readonly columns: readonly number[];
        readonly depth: number;
        /** Workgroups that run at once, and what loading a row or column costs in units of its products. */
        readonly workgroups: number;
        readonly load: number;
        /** Images that run together. */
        readonly images: number;
        /** Shapes whose tile a tuning table gives. */
        readonly tuned: TunedChoices["products"];
      };
  /**
   * Gradients of weights: tiles of outputs by columns, and into how many workgroups they are cut where the rows of so many
   * images allow (1 where it is left out).
   */
  readonly weightGrad: { readonly tile: GemmTile; readonly workgroups: number; readonly images?: number };
  /** Sites of a row that an invocation may make: the widest first. */
  readonly sitesPerInvocation: readonly number[];
  /** Longest strip: sites of a row that a workgroup makes. */
  readonly strip: number;
  /** Invocations of a workgroup where a kernel can choose. */
  readonly invocations: number;
  /**
   * Most invocations of a workgroup that has barriers. A software adapter keeps each SIMD group of them as a coroutine
   * with a stack of its own; one SIMD group that goes round is cheaper.
   */
  readonly barrierInvocations: number;
  /** False on adapters that run what a branch skips, with its results masked out. */
  readonly branches: boolean;
  /** Most workgroup memory of a convolution: one that would need more to normalise leaves that to a kernel of its own. */
  readonly workgroupBytes: number;
  /** Invocations that reduce the channels of one site together. */
  readonly reductionWidth: number;
  readonly gemv: GemvTile;
  /** Whether one kernel serves all that differ in sizes alone, which it reads from a uniform: compilers are that slow. */
  readonly sharesKernels: boolean;
  /** Most partial rows that a second linear adds up itself; above, a `grn-scale` kernel does. */
  readonly grnTiles: number;
}

const cpu = {
  sharesKernels: false,
  workgroupBytes: webgpuLimits.workgroupBytes,
  sitesPerInvocation: [14, 7, 8, 4, 1],
  strip: 14,
  invocations: 32,
  reductionWidth: 1,
  gemv: { workgroup: [16, 1] },
  grnTiles: 0,
} as const;

export const tuningProfiles: { readonly [name in ProfileName]: TuningProfile } = {
  gpu: {
    gemm: {
      kind: "tiled",
      tiles: [
        { kind: "tiled", rows: 64, columns: 64, depth: 16, threadTile: [4, 1] },
        { kind: "tiled", rows: 32, columns: 64, depth: 16, threadTile: [4, 1] },
        { kind: "tiled", rows: 32, columns: 32, depth: 32, threadTile: [4, 1] },
      ],
      workgroups: 64,
    },
    weightGrad: { tile: { kind: "tiled", rows: 32, columns: 32, depth: 16, threadTile: [4, 1] }, workgroups: 64 },
    sitesPerInvocation: [7, 8, 4, 2, 1],
    strip: 16,
    invocations: 128,
    barrierInvocations: webgpuLimits.invocations,
    branches: true,
    sharesKernels: false,
    workgroupBytes: webgpuLimits.workgroupBytes,
    reductionWidth: 8,
    gemv: { workgroup: [16, 16] },
    grnTiles: 64,
  },
  lavapipe: {
    ...cpu,
    weightGrad: { tile: { kind: "direct", rows: 4, quads: 2, workgroup: [8, 1] }, workgroups: 8 },
    barrierInvocations: 8,
    branches: true,
    gemm: {
      kind: "direct",
      rows: [4, 7, 8],
      quads: [1, 2],
      workgroupSizes: [
        [8, 1],
        [4, 2],
        [2, 4],
        [16, 1],
        [10, 4],
        [20, 2],
        [6, 4],
        [12, 2],
      ],
      accumulators: 8,
      workgroups: 8,
      costs: { simd: 8, load: 1, multiply: 2, epilogue: 16, workgroup: 40 },
    },
  },
  cuda: {
    gemm: {
      kind: "exact",
      rows: [128, 112, 64, 32], // 112 divides the sites of stages at 224 x 224
      columns: [128, 96, 88, 80, 64, 48, 40, 32, 24, 16, 8],
      depth: 16,
      workgroups: 132,
      load: 32,
      images: 1,
      tuned: untuned.products,
    },
    // As a block on tensor cores has them, two of which an SM holds.
    weightGrad: { tile: { kind: "tiled", rows: 128, columns: 64, depth: 32, threadTile: [4, 1] }, workgroups: 264 },
    sitesPerInvocation: [7, 8, 4, 2, 1],
    strip: 16,
    invocations: 128,
    barrierInvocations: webgpuLimits.invocations,
    branches: true,
    sharesKernels: false,
    workgroupBytes: webgpuLimits.workgroupBytes,
    reductionWidth: 8,
    gemv: { workgroup: [8, 8] },
    grnTiles: 0,
  },
  // Any CPU, for a page's first answer: compiling takes longer there than computing, and longest what clears much
  // workgroup memory.
  software: {
    ...cpu,
    sharesKernels: true,
    sitesPerInvocation: [4],
    strip: 4,
    invocations: 4,
    workgroupBytes: 128,
    weightGrad: { tile: { kind: "direct", rows: 4, quads: 1, workgroup: [4, 1] }, workgroups: 8 },
    barrierInvocations: 4,
    branches: false,
    gemm: {
      kind: "direct",
      rows: [8],
      quads: [1],
      workgroupSizes: [[4, 1]],
      accumulators: 8,
      workgroups: 8,
      costs: { simd: 4, load: 2, multiply: 1, epilogue: 12, workgroup: 40 },
    },
  },
  swiftshader: {
    ...cpu,
    weightGrad: { tile: { kind: "direct", rows: 8, quads: 4, workgroup: [4, 1] }, workgroups: 8 },
    barrierInvocations: 4,
    branches: false,
    gemm: {
      kind: "direct",
      rows: [4, 7, 8, 10, 12, 13, 14],
      quads: [1, 2, 3, 4, 5],
      workgroupSizes: [
        [4, 1],
        [2, 2],
        [1, 4],
        [8, 1],
        [4, 2],
        [2, 4],
        [10, 2],
        [5, 4],
      ],
      accumulators: 56,
      workgroups: 8,
      costs: { simd: 4, load: 2, multiply: 1, epilogue: 12, workgroup: 40 },
    },
  },
};

/** A profile for a batch: where tiles may differ by it, many images fill the device as many rows do. */
export const profileFor = (name: ProfileName, batch: { readonly max: number }, tuned = untuned): TuningProfile => {
  const profile = tuningProfiles[name];
  const { gemm } = profile;
  if (gemm.kind !== "exact") return profile;
  const images = batch.max;
  return {
    ...profile,
    weightGrad: { ...profile.weightGrad, images },
    gemm: { ...gemm, images, tuned: tuned.products },
  };
};
