import type { KernelParams } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  affine,
  type CudaKernel,
  normContext,
  result,
  type Setting,
  scalars,
  tableOperand,
  tileRow,
  weight,
} from "./shared.ts";

// What masked autoencoders add: kept patches.

export function siteDepthwise(p: KernelParams["siteDepthwise"], { dtype, batch }: Setting): CudaKernel {
  const { rows, columns, keep, down, across, channels, kernel, norm } = p;
  const radius = (kernel - 1) / 2;
  const tile = siteTile(p, batch);
  const { groups } = tile;
  const pixels = tile.rows * tile.columns * groups;
  const tiles = (keep * down * across) / (tile.rows * tile.columns);
  const items = groups * channels;
  const passes = divideUp(items, 384);
  const threads = roundUp(divideUp(items, passes), 32);
  const weightRow = roundUp(channels, 4);
  const sites = keep * down * across;
  const registers = 128;
  return {
    template: "cuda/site-depthwise",
    context: {
      ...normContext(norm, { channels, pixels, threads, registers }),
      scalar: scalars[dtype],
      gridRows: rows,
      gridColumns: columns,
      keep,
      down,
      across,
      kernel,
      radius,
      tileRows: tile.rows,
      tileColumns: tile.columns,
      groups,
      items,
      passes: passes > 1 ? passes : null,
      weightRow,
      reach: divideUp(radius, across),
      rowUnroll: tile.rows > 1 ? "CNX_UNROLL" : "CNX_ROLLED",
    },
    operands: [
      activation("input", sites * channels, dims(keep * down, across, channels)),
      weight("weight", kernel * kernel * weightRow, dims(kernel, kernel, weightRow)),
      weight("bias", weightRow, dims(channels)),
      ...affine(norm, channels),
      tableOperand(p),
      result("output", sites * channels, dims(keep * down, across, channels)),
    ],
    grid: [divideUp(tiles, groups), 1],
    images: 1,
    threads,
    shared: norm === null ? 0 : 4 * pixels * tileRow(channels),
    registers,
    counted: false,
    work: { unit: "simt", flops: 2 * kernel * kernel * sites * channels },
  };
}

/** Kernels up to this size keep their weights in registers where a thread makes several rows. */
const widestHeld = 7;
/** Most sums and most columns of a thread. Where a patch is no wider, a thread finds each neighbour once a row, not each tap. */
const mostSums = 32;
const mostColumns = 8;

const divisors = (of: number): readonly number[] =>
  Array.from({ length: of }, (_, i) => of - i).filter(by => of % by === 0);

/**
 * Rows and columns of a thread, both parts of a patch, and threads of a block for each channel. Cost is what a site
 * takes: its taps, the loads of its window and weights, idle threads, and for few images the blocks that a GPU lacks.
 */
function siteTile({ keep, down, across, channels, kernel, norm }: KernelParams["siteDepthwise"], batch: number) {
  const columns = across <= mostColumns ? [across] : divisors(across).filter(count => count <= mostColumns);
  const all = divisors(down).flatMap(rows =>
    columns.flatMap(columns => [1, 2, 3, 4, 5, 6, 8].map(groups => ({ rows, columns, groups }))),
  );
  const bytes = ({ rows, columns, groups }: Tile) =>
    norm === null ? 0 : 4 * rows * columns * groups * tileRow(channels);
  const fits = all.filter(
    tile =>
      tile.rows * tile.columns <= mostSums &&
      (tile.rows === 1 || kernel <= widestHeld) &&
      (tile.groups === 1 || tile.groups * channels <= 256) &&
      bytes(tile) <= 65536,
  );
  const cost = ({ rows, columns, groups }: Tile) => {
    const window = (rows + kernel - 1) * (columns + kernel - 1);
    const site = kernel * kernel + (2 * window + kernel * kernel + 60) / (rows * columns);
    const tiles = (keep * down * across) / (rows * columns);
    const blocks = divideUp(tiles, groups);
    const threads = roundUp(groups * channels, 32);
    const idle = (blocks * groups * threads) / (tiles * groups * channels);
    const thin = Math.max(1, 96 / Math.min(channels * groups, 96));
    return site * idle * thin * Math.max(1, 200 / (blocks * batch));
  };
  const first = { rows: 1, columns: 1, groups: 1 };
  return fits.reduce((a, b) => (cost(b) < cost(a) ? b : a), fits[0] ?? first);
}

interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly groups: number;
}
