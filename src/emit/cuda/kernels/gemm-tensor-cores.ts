import { invariant } from "../../../diagnostics/invariant.ts";
import type { GemmParams } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import { type Common, epilogueBytes, type Operand, statLanes, stepping } from "./gemm-shape.ts";
import {
  type CudaKernel,
  type CudaOperand,
  counterOperand,
  result,
  type Setting,
  scalars,
  storageBytes,
} from "./shared.ts";

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

/** Where the blocks that share the k of a tile leave their sums, and count themselves. */
const splitOperands = (tiles: number, parts: number, sums: number, threads: number): readonly CudaOperand[] => [
  result("partials", tiles * parts * sums * threads, dims(tiles, parts, sums, threads), "f32"),
  counterOperand(tiles, `${dims(tiles)} `),
];

/** 16 bit and TF32: warps multiply on tensor cores, from stages in shared memory. */
export function tensorCores(
  p: GemmParams,
  { channels, patches, eps }: Operand,
  shape: Common,
  setting: Setting,
): CudaKernel {
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
  // So many sums leave room for the rest; less where what is before the activation is stored too, in 32 bits.
  const roomy = tf32 && p.hidden ? 72 : 84;
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
      ...statLanes(channels, 4 * blockRows, Math.max(1, Math.floor(threads / 32))),
      finishSums: epilogue.sumsAt,
      beforeAt,
    },
    operands: [...shape.operands, ...(split ? splitOperands(context.imageBlocks, parts, sumsOfThread, threads) : [])],
    grid: [parts * shape.grid[0], shape.grid[1]],
    images: 1,
    threads,
    shared: p.grnEpilogue || split ? beforeAt + 4 : used,
    registers: sumsOfThread <= 32 ? 128 : sumsOfThread <= roomy ? 168 : sumsOfThread + 112,
    counted: false,
    work: { unit: tf32 ? "tf32" : "tensor", flops: 2 * p.rows * p.depth * p.columns },
  };
}
