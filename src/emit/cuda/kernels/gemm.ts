import { invariant } from "../../../diagnostics/invariant.ts";
import type { Precision } from "../../../model/model.ts";
import { type DownsampleParams, downsampleProduct, type GemmParams } from "../../../plan/kernels.ts";
import type { KernelCall } from "../../../plan/plan.ts";
import { blockTile, divideUp, type GemmTile, packedShape, roundUp, squareTiles } from "../../../plan/tile.ts";
import type { ProductChoice, ProductShape } from "../../../plan/tuned-choices.ts";
import { maskContext } from "../../patches.ts";
import {
  activation,
  type CudaKernel,
  type CudaOperand,
  counterOperand,
  geluName,
  maskOperand,
  result,
  type Setting,
  scalars,
  storageBytes,
  storageOf,
  weight,
} from "./shared.ts";

const dims = (...sizes: number[]): string => sizes.map(size => `[${size}]`).join("");

/** Where the rows of the left operand come from. */
interface Operand {
  readonly channels: number;
  readonly patches: { readonly height: number; readonly width: number } | null;
  readonly eps: number | null;
}

export const gemm = (p: GemmParams, setting: Setting): CudaKernel => product(p, rowsOf(p), setting);

export const downsample = (p: DownsampleParams, setting: Setting): CudaKernel =>
  product(downsampleProduct(p), patchesOf(p), setting);

const rowsOf = ({ depth }: GemmParams): Operand => ({ channels: depth, patches: null, eps: null });

const patchesOf = ({ channels, height, width, norm }: DownsampleParams): Operand => ({
  channels,
  patches: { height, width },
  eps: norm?.eps ?? null,
});

/** The product that a kernel is, if it is one. */
const products: { readonly [K in KernelCall["kind"]]?: (params: never) => readonly [GemmParams, Operand] } = {
  gemm: (p: GemmParams) => [p, rowsOf(p)],
  downsample: (p: DownsampleParams) => [downsampleProduct(p), patchesOf(p)],
};

/** What tensor cores have to make of a call; null for what is no product. */
export function productOf({ kind, params }: Pick<KernelCall, "kind" | "params">): GemmParams | null {
  const of = products[kind] as ((params: unknown) => readonly [GemmParams, Operand]) | undefined;
  return of?.(params)[0] ?? null;
}

/** Blocks that share the inner dimension of a tile of a product on tensor cores. */
export function partsOf({ kind, params }: Pick<KernelCall, "kind" | "params">, precision: Precision): number {
  const of = products[kind] as (params: unknown) => readonly [GemmParams, Operand];
  const [p, operand] = of(params);
  return stepping(p, packedOf(p, operand).depth, precision).parts;
}

const packedOf = ({ tile, columns }: GemmParams, { channels, patches }: Operand) =>
  packedShape(tile, { channels, taps: patches === null ? 1 : 4, columns });

function product(p: GemmParams, operand: Operand, setting: Setting): CudaKernel {
  const shape = common(p, operand, setting);
  return setting.precision === "f32" ? simt(p, operand, shape) : tensorCores(p, operand, shape, setting);
}

type Common = ReturnType<typeof common>;

/** What both ways to multiply share: sizes, guards, operands. */
function common(p: GemmParams, operand: Operand, { precision }: Setting) {
  const { channels, patches, eps } = operand;
  const [finish, stored] = [p.grnEpilogue ?? false, !p.statisticsOnly];
  const { rows, columns, tile, grn } = p;
  const [blockRows, blockColumns] = blockTile(tile);
  const packed = packedOf(p, operand);
  const tiles = squareTiles(tile, rows);
  const inputLength = patches === null ? rows * channels : patches.height * patches.width * channels;
  const inputNote = patches === null ? dims(rows, channels) : dims(patches.height, patches.width, channels);
  const grid = [divideUp(columns, blockColumns), divideUp(rows, blockRows)] as const;
  const operands: readonly (CudaOperand | null)[] = [
    activation("input", inputLength, inputNote),
    weight("weight", packed.depth * packed.columns, dims(packed.depth, packed.columns), "matrix"),
    weight("bias", packed.columns, dims(packed.columns)),
    grn === null ? null : activation("scale", channels, dims(channels), "f32"),
    p.residual ? activation("residual", rows * columns, dims(rows, columns)) : null,
    p.mask === null ? null : maskOperand(p.mask),
    stored ? result("output", rows * columns, dims(rows, columns)) : null,
    p.squares ? result("squares", tiles * columns, dims(tiles, columns), "f32") : null,
    finish ? weight("gamma", columns, dims(columns)) : null,
    finish ? result("scale", columns, dims(columns), "f32") : null,
    finish ? counterOperand(1, "") : null,
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
      gelu: p.gelu === null ? null : geluName(p.gelu, precision),
      residual: p.residual,
      mask: p.mask === null ? null : maskContext(p.mask),
      squares: p.squares,
      finish,
      stored,
      squareTiles: tiles,
      fewTiles: tiles <= 4,
      imageBlocks: grid[0] * grid[1],
      imageBlocksLess: grid[0] * grid[1] - 1,
      blockRows,
      blockColumns,
      inputLength,
      weightRow: packed.columns,
      vector: channels % 4 === 0,
      statTokens: 4 * blockRows,
    },
  };
}

const depthOf = (tile: GemmTile): number => (tile.kind === "tiled" ? tile.depth : 16);

/** Shared memory of the last block of an image: norms and sums. */
const epilogueBytes = (columns: number, threads: number) => {
  const sumsAt = roundUp(4 * columns, 16);
  return { sumsAt, bytes: sumsAt + 4 * threads };
};

/** How the lanes of a warp share the sites that a downsampling normalises. */
const statLanes = (channels: number, sites: number, warps: number) => {
  const quads = Math.ceil(channels / 4);
  const lanes = [8, 16, 32].find(count => quads <= 6 * count && sites % ((32 / count) * warps) === 0) ?? 32;
  return {
    statLanes: lanes,
    statWarp: 32 / lanes,
    statStep: (32 / lanes) * warps,
    statQuads: Math.ceil(quads / lanes),
    statRagged: quads % lanes !== 0,
  };
};

/** Strict f32 on CUDA cores: a thread multiplies its tile in registers. */
function simt(p: GemmParams, { channels, patches, eps }: Operand, shape: Common): CudaKernel {
  const { blockRows, blockColumns, step, packed, context } = shape;
  const fewRows = blockRows * blockColumns >= 512 ? 4 : 2; // at least a warp
  const threadRows = blockRows % 32 !== 0 ? blockRows / 16 : blockRows >= 64 ? 8 : fewRows;
  const wide = blockColumns % 8 === 0 && (blockRows / threadRows) * (blockColumns / 8) >= 128;
  const threadColumns = wide ? 8 : 4;
  const [threadsX, threadsY] = [blockColumns / threadColumns, blockRows / threadRows];
  const threads = threadsX * threadsY;
  const bAt = 2 * blockRows * (step + 4) * 4;
  const end = bAt + 2 * step * blockColumns * 4;
  const extra = p.grn !== null ? 2 * 4 * step : eps !== null ? 32 * blockRows : 0;
  const sums = p.squares ? 4 * threadsY * blockColumns : 0;
  const epilogue = epilogueBytes(p.columns, threads);
  const used = Math.max(end + extra, sums);
  const beforeAt = roundUp(Math.max(used, epilogue.bytes), 16);
  return {
    template: "cuda/gemm-lanes",
    context: {
      ...context,
      step,
      steps: packed.depth / step,
      cellRows: threadRows,
      cellColumns: threadColumns,
      cellQuads: threadColumns / 4,
      lanesX: threadsX,
      lanesY: threadsY,
      bAt,
      factorAt: end,
      statsAt: end,
      warps: Math.floor(threads / 32),
      gathered: patches !== null || channels % 4 !== 0,
      quads: p.columns % 4 === 0,
      ...statLanes(channels, 4 * blockRows, Math.max(1, Math.floor(threads / 32))),
      finishSums: epilogue.sumsAt,
      beforeAt,
    },
    operands: shape.operands,
    grid: shape.grid,
    images: 1,
    threads,
    shared: p.grnEpilogue ? beforeAt + 4 : used,
    registers: threads > 128 ? 128 : 136,
    counted: false,
    work: { unit: "simt", flops: 2 * p.rows * p.depth * p.columns },
  };
}

/**
 * How warps share a block: at most `rows` rows each, the columns in as many parts as give four warps or more. Rows that
 * are not a multiple of 32 stay together.
 */
function warpGrid(blockRows: number, blockColumns: number, rows: number): readonly [m: number, n: number] {
  if (blockRows % 32 !== 0) return [1, 4];
  const parts = (wanted: number) => [4, 2, 1].find(n => n <= wanted && blockColumns % (8 * n) === 0) ?? 1;
  const m = Math.max(1, blockRows / rows);
  const n = parts(m >= 2 ? 2 : 4);
  if (m * n < 4 && rows > 32) return warpGrid(blockRows, blockColumns, 32);
  return blockColumns < 64 && m >= 4 ? [m, 1] : [m, n];
}

/** Blocks that a large GPU runs at once, and what giving a tile to several costs: steps of k, for each and for being several. */
const splitting = { blocks: 264, fixed: 6, part: 0.5, most: 8 } as const;

/**
 * Split-K: how many blocks share the inner dimension of a tile where no tuning table says. More blocks need fewer steps each,
 * but adding their sums up costs time too, and no more are taken than the device runs at once. A product that makes
 * statistics is never split.
 */
function defaultSplit({ rows, depth, columns, squares }: Product, tile: Tile, batch: number): number {
  const blocks = divideUp(rows, tile.rows) * divideUp(columns, tile.columns) * batch;
  const steps = depth / 32;
  const room = squares ? 1 : Math.min(splitting.most, Math.floor(splitting.blocks / blocks));
  const cost = (parts: number) => steps / parts + (parts > 1 ? splitting.fixed + splitting.part * parts : 0);
  return [1, 2, 4, 8].filter(parts => parts <= room).reduce((a, b) => (cost(b) < cost(a) ? b : a), 1);
}

type Tile = Pick<ProductChoice, "rows" | "columns">;

/** A product's shape, and whether it makes GRN's statistics. */
export interface Product extends ProductShape {
  readonly squares: boolean;
}

/** How far a step of the inner dimension goes, how many there are, and how many blocks share them. */
function stepping({ choice, squares }: GemmParams, depth: number, precision: Precision) {
  invariant(choice, "a product on tensor cores has no tile of theirs");
  const bytes = storageBytes[storageOf(precision)];
  const step = [choice.step, 32].map(size => (2 * size) / bytes).find(size => depth % size === 0) ?? 16;
  const steps = depth / step;
  return { step, steps, parts: squares ? 1 : Math.min(choice.split, steps) };
}

/** What tensor cores do with a tile where no tuning table says. */
export const defaultProduct = (shape: Product, { rows, columns }: Tile, batch: number): ProductChoice => ({
  rows,
  columns,
  warpRows: 64,
  step: 32,
  stages: 4,
  split: defaultSplit(shape, { rows, columns }, batch),
});

/** Where the blocks that share the k of a tile leave their sums, and count themselves. */
const splitOperands = (tiles: number, parts: number, sums: number, threads: number): readonly CudaOperand[] => [
  result("partials", tiles * parts * sums * threads, dims(tiles, parts, sums, threads), "f32"),
  counterOperand(tiles, `${dims(tiles)} `),
];

/** 16 bit and TF32: warps multiply on tensor cores, from stages in shared memory. */
function tensorCores(p: GemmParams, { channels, patches, eps }: Operand, shape: Common, setting: Setting): CudaKernel {
  const { dtype, precision } = setting;
  const { blockRows, blockColumns, packed, context } = shape;
  const { choice } = p;
  invariant(choice, `'${p.title}' has no tile of tensor cores`);
  const [warpsM, warpsN] = warpGrid(blockRows, blockColumns, choice.warpRows);
  const sumsOfThread = (blockRows * blockColumns) / (32 * warpsM * warpsN);
  const threads = 32 * warpsM * warpsN;
  const tf32 = precision === "tf32";
  const bytes = storageBytes[dtype];
  const chunk = 16 / bytes;
  const { step, steps, parts } = stepping(p, packed.depth, precision);
  const split = parts > 1;
  const rowBytes = step * bytes;
  const stages = Math.max(2, Math.min(choice.stages, rowBytes === 128 ? 3 : 4, divideUp(steps, parts)));
  const bRow = blockColumns % 16 === 0 ? blockColumns + 8 : blockColumns;
  const bAt = stages * blockRows * rowBytes;
  const extraAt = bAt + stages * step * bRow * bytes;
  const extra = p.grn !== null ? stages * 4 * step : eps !== null ? 32 * blockRows : 0;
  const sumsAt = roundUp(blockRows * (blockColumns + 8) * bytes, 16);
  const sums = p.squares ? 4 * warpsM * blockColumns : 0;
  const epilogue = epilogueBytes(p.columns, threads);
  const gone = p.mask === null ? 0 : blockRows;
  const used = Math.max(extraAt + extra, sumsAt + sums + gone);
  const beforeAt = roundUp(p.grnEpilogue ? Math.max(used, epilogue.bytes) : used, 16);
  const vector = channels % chunk === 0;
  return {
    template: "cuda/gemm-mma",
    context: {
      ...context,
      scalar: scalars[dtype],
      tf32,
      factor: tf32 ? "tf32" : "T",
      chunk,
      step,
      steps,
      split,
      parts,
      threadSums: sumsOfThread,
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
      rowChunks: step / chunk,
      swizzleRows: 128 / rowBytes,
      gathered: patches !== null || !vector,
      chunks: p.columns % chunk === 0,
      ...statLanes(channels, 4 * blockRows, Math.max(1, Math.floor(threads / 32))),
      finishSums: epilogue.sumsAt,
      beforeAt,
    },
    operands: [...shape.operands, ...(split ? splitOperands(context.imageBlocks, parts, sumsOfThread, threads) : [])],
    grid: [parts * shape.grid[0], shape.grid[1]],
    images: 1,
    threads,
    shared: p.grnEpilogue || split ? beforeAt + 4 : used,
    registers: sumsOfThread <= 32 ? 128 : sumsOfThread <= 84 ? 168 : sumsOfThread + 112,
    counted: false,
    work: { unit: tf32 ? "tf32" : "tensor", flops: 2 * p.rows * p.depth * p.columns },
  };
}
