import type { GemmParams } from "../../../plan/kernels/gemm.ts";
import { maskContext } from "../../../plan/kernels/shared.ts";
import type { KernelParams } from "../../../plan/kernels.ts";
import { divideUp, type GemmTile, gemmGroup, packedShape, roundUp, squareTiles } from "../../../plan/tile.ts";
import {
  activation,
  type CudaKernel,
  type CudaOperand,
  geluName,
  maskOperand,
  result,
  type Setting,
  scalars,
  weight,
} from "./shared.ts";

const dims = (...sizes: number[]): string => sizes.map(size => `[${size}]`).join("");

/** A product, with what CUDA adds to it. */
export interface CudaGemm extends GemmParams {
  /** The last block of an image turns its sums of squares into GRN's factors. */
  readonly finish: boolean;
}

/** Where the rows of the left operand come from. */
interface Operand {
  readonly channels: number;
  readonly patches: { readonly height: number; readonly width: number } | null;
  readonly eps: number | null;
}

export const gemm = (p: CudaGemm, setting: Setting): CudaKernel =>
  product(p, { channels: p.depth, patches: null, eps: null }, setting);

export const downsample = (p: KernelParams["downsample"], setting: Setting): CudaKernel =>
  product(
    {
      title: "2x2 convolution with stride 2",
      rows: Math.floor(p.height / 2) * Math.floor(p.width / 2),
      depth: 4 * p.channels,
      columns: p.columns,
      gelu: null,
      residual: false,
      mask: null,
      grn: null,
      squares: false,
      finish: false,
      tile: p.tile,
    },
    { channels: p.channels, patches: { height: p.height, width: p.width }, eps: p.norm?.eps ?? null },
    setting,
  );

function product(p: CudaGemm, operand: Operand, setting: Setting): CudaKernel {
  const shape = common(p, operand, setting);
  return setting.dtype === "f32" ? lanes(p, operand, shape) : tensorCores(p, operand, shape, setting);
}

type Common = ReturnType<typeof common>;

/** What both ways to multiply share: sizes, guards, operands. */
function common(p: CudaGemm, { channels, patches, eps }: Operand, { dtype }: Setting) {
  const { rows, columns, tile, grn } = p;
  const [blockRows, blockColumns] = gemmGroup(tile);
  const packed = packedShape(tile, { channels, taps: patches === null ? 1 : 4, columns });
  const tiles = squareTiles(tile, rows);
  const inputLength = patches === null ? rows * channels : patches.height * patches.width * channels;
  const inputNote = patches === null ? dims(rows, channels) : dims(patches.height, patches.width, channels);
  const grid = [divideUp(columns, blockColumns), divideUp(rows, blockRows)] as const;
  const operands: readonly (CudaOperand | null)[] = [
    activation("input", inputLength, inputNote),
    weight("weight", packed.depth * packed.columns, dims(packed.depth, packed.columns), "narrow"),
    weight("bias", packed.columns, dims(packed.columns)),
    grn === null ? null : activation("scale", channels, dims(channels), "wide"),
    p.residual ? activation("residual", rows * columns, dims(rows, columns)) : null,
    p.mask === null ? null : maskOperand(p.mask),
    result("output", rows * columns, dims(rows, columns)),
    p.squares ? result("squares", tiles * columns, dims(tiles, columns), "wide") : null,
    p.finish ? weight("gamma", columns, dims(columns)) : null,
    p.finish ? result("scale", columns, dims(columns), "wide") : null,
  ];
  return {
    operands: operands.filter(one => one !== null),
    grid,
    packed,
    blockRows,
    blockColumns,
    step: depthOf(tile),
    context: {
      title: p.title,
      rows,
      depth: patches === null ? channels : 4 * packed.segment,
      columns,
      channels,
      segment: packed.segment,
      patches: patches !== null,
      width: patches?.width ?? null,
      outWidth: patches === null ? null : Math.floor(patches.width / 2),
      norm: eps !== null,
      eps: eps === null ? null : String(eps),
      scaled: grn !== null,
      operand: patches !== null || grn !== null ? "a" : "input",
      gelu: p.gelu === null ? null : geluName(p.gelu, dtype),
      residual: p.residual,
      mask: p.mask === null ? null : maskContext(p.mask),
      squares: p.squares,
      finish: p.finish,
      squareTiles: tiles,
      imageBlocks: grid[0] * grid[1],
      imageBlocksLess: grid[0] * grid[1] - 1,
      blockRows,
      blockColumns,
      guardRows: rows % blockRows !== 0,
      guardColumns: columns % blockColumns !== 0,
      inputLength,
      paddedDepth: packed.depth,
      weightRow: packed.columns,
      vector: channels % 4 === 0,
      statTokens: 4 * blockRows,
    },
  };
}

const depthOf = (tile: GemmTile): number => (tile.kind === "tiled" ? tile.depth : 16);

/** Shared memory of the last block of an image: norms, sums, a counter. */
const finishBytes = (columns: number, threads: number) => {
  const finishSums = roundUp(4 * columns, 16);
  const finishBefore = finishSums + 4 * threads;
  return { finishSums, finishBefore, bytes: finishBefore + 4 };
};

/** f32: a thread multiplies a cell in registers. */
function lanes(p: CudaGemm, { channels, patches, eps }: Operand, shape: Common): CudaKernel {
  const { blockRows, blockColumns, step, packed, context } = shape;
  const cellRows = blockRows >= 64 ? 8 : blockRows * blockColumns >= 512 ? 4 : 2; // at least a warp
  const wide = blockColumns % 8 === 0 && (blockRows / cellRows) * (blockColumns / 8) >= 128;
  const cellColumns = wide ? 8 : 4;
  const [lanesX, lanesY] = [blockColumns / cellColumns, blockRows / cellRows];
  const threads = lanesX * lanesY;
  const bAt = 2 * blockRows * (step + 4) * 4;
  const end = bAt + 2 * step * blockColumns * 4;
  const extra = p.grn !== null ? 4 * packed.depth : eps !== null ? 32 * blockRows : 0;
  const sums = p.squares ? 4 * lanesY * blockColumns : 0;
  const finish = finishBytes(p.columns, threads);
  return {
    template: "cuda/gemm-lanes",
    context: {
      ...context,
      step,
      steps: packed.depth / step,
      cellRows,
      cellColumns,
      cellQuads: cellColumns / 4,
      lanesX,
      lanesY,
      bAt,
      factorAt: end,
      statsAt: end,
      warps: Math.floor(threads / 32),
      gathered: patches !== null || channels % 4 !== 0,
      quads: p.columns % 4 === 0,
      finishSums: finish.finishSums,
      finishBefore: finish.finishBefore,
    },
    operands: shape.operands,
    grid: shape.grid,
    images: 1,
    threads,
    shared: Math.max(end + extra, sums, p.finish ? finish.bytes : 0),
    registers: 128,
    counted: false,
    work: { unit: "lanes", flops: 2 * p.rows * p.depth * p.columns },
  };
}

/** How warps share a block: 32 rows each where there are so many, then halves or quarters of the columns. */
function warpGrid(blockRows: number, blockColumns: number): readonly [m: number, n: number] {
  const m = Math.max(1, blockRows / 32);
  const wanted = m >= 4 && blockColumns < 64 ? 1 : m >= 2 ? 2 : 4;
  const n = [4, 2, 1].find(count => count <= wanted && blockColumns % (8 * count) === 0) ?? 1;
  return [m, n];
}

/** 16 bit: warps multiply on tensor cores, from stages in shared memory. */
function tensorCores(p: CudaGemm, { channels, patches, eps }: Operand, shape: Common, { dtype }: Setting): CudaKernel {
  const { blockRows, blockColumns, packed, context } = shape;
  const [warpsM, warpsN] = warpGrid(blockRows, blockColumns);
  const threads = 32 * warpsM * warpsN;
  const step = packed.depth % 32 === 0 ? 32 : 16;
  const steps = packed.depth / step;
  const stages = Math.max(2, Math.min(4, steps));
  const bRow = blockColumns % 16 === 0 ? blockColumns + 8 : blockColumns;
  const bAt = stages * blockRows * step * 2;
  const extraAt = bAt + stages * step * bRow * 2;
  const extra = p.grn !== null ? 4 * packed.depth : eps !== null ? 32 * blockRows : 0;
  const sumsAt = roundUp(blockRows * (blockColumns + 8) * 2, 16);
  const sums = p.squares ? 4 * warpsM * blockColumns : 0;
  const finish = finishBytes(p.columns, threads);
  const vector = channels % 8 === 0;
  const { guardRows, guardColumns, depth } = context;
  const guardDepth = packed.depth !== depth;
  return {
    template: "cuda/gemm-mma",
    context: {
      ...context,
      scalar: scalars[dtype],
      step,
      steps,
      stages,
      stagesLess: stages - 1,
      warpsM,
      warpRows: blockRows / warpsM,
      warpColumns: blockColumns / warpsN,
      mTiles: blockRows / warpsM / 16,
      nTiles: blockColumns / warpsN / 8,
      warps: threads / 32,
      bRow,
      bAt,
      extraAt,
      sumsAt,
      goneAt: sumsAt + sums,
      rowChunks: step / 8,
      swizzleRows: 64 / step,
      gathered: patches !== null || !vector,
      guardDepth,
      guarded: guardRows || guardDepth,
      guardTile: guardRows || guardColumns,
      chunks: p.columns % 8 === 0,
      finishSums: finish.finishSums,
      finishBefore: finish.finishBefore,
    },
    operands: shape.operands,
    grid: shape.grid,
    images: 1,
    threads,
    shared: Math.max(extraAt + extra, sumsAt + sums + (p.mask === null ? 0 : blockRows), p.finish ? finish.bytes : 0),
    registers: 128,
    counted: false,
    work: { unit: "tensor", flops: 2 * p.rows * p.depth * p.columns },
  };
}
