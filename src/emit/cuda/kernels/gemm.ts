import type { Precision } from "../../../model/model.ts";
import { type DownsampleParams, downsampleProduct, type GemmParams } from "../../../plan/kernels.ts";
import type { KernelCall } from "../../../plan/plan.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import type { ProductChoice, ProductShape } from "../../../plan/tiles/tuned-choices.ts";
import { type Common, common, epilogueBytes, type Operand, packedOf, statLanes, stepping } from "./gemm-shape.ts";
import { tensorCores } from "./gemm-tensor-cores.ts";
import type { CudaKernel, Setting } from "./shared.ts";

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

function product(p: GemmParams, operand: Operand, setting: Setting): CudaKernel {
  const shape = common(p, operand, setting);
  return setting.precision === "f32" ? simt(p, operand, shape) : tensorCores(p, operand, shape, setting);
}

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
      extraAt: end,
      warps: Math.floor(threads / 32),
      gathered: patches !== null || channels % 4 !== 0,
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

/** What tensor cores do with a tile where no tuning table says. */
export const defaultProduct = (shape: Product, { rows, columns }: Tile, batch: number): ProductChoice => ({
  rows,
  columns,
  warpRows: 64,
  step: 32,
  stages: 4,
  split: defaultSplit(shape, { rows, columns }, batch),
});
