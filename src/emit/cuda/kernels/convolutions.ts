import { placeOf } from "../../../plan/kernels/shared.ts";
import { type KernelParams, stemSites } from "../../../plan/kernels.ts";
import { type DepthwiseChoice, depthwiseKey } from "../../../plan/measured.ts";
import { divideUp, roundUp } from "../../../plan/tile.ts";
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

const dims = (...sizes: number[]): string => sizes.map(size => `[${size}]`).join("");

/** The one with the least cost; the first of equals. */
const least = <T>(from: readonly T[], cost: (one: T) => number): T =>
  from.reduce((a, b) => (cost(b) < cost(a) ? b : a));

export function stem(p: KernelParams["stem"], { dtype }: Setting): CudaKernel {
  const { height, width, inChannels, channels, patch, grid, norm } = p;
  const { height: outHeight, width: outWidth } = stemSites(p);
  const depth = inChannels * patch * patch;
  const weightRow = roundUp(channels, 4);
  const { sites, groups } = stemTile(outWidth, channels, depth);
  const pixels = sites * groups;
  const items = groups * channels;
  const threads = Math.min(512, roundUp(items, 32));
  const tileAt = roundUp(4 * depth * pixels, 16);
  const registers = 64;
  return {
    template: "cuda/stem",
    context: {
      ...normContext(norm, { channels, pixels, threads, registers }),
      scalar: scalars[dtype],
      height,
      width,
      inChannels,
      patch,
      outHeight,
      outWidth,
      depth,
      sites,
      items,
      tileAt,
      weightRow,
      ragged: outWidth % pixels !== 0,
      grid: grid === null ? null : placeOf(grid, outHeight / grid.keep, outWidth),
      imageLength: inChannels * height * width,
      planeLength: height * width,
      stripLength: pixels * patch,
      outLength: outHeight * outWidth * channels,
    },
    operands: [
      activation("input", inChannels * height * width, dims(inChannels, height, width), "wide"),
      weight("weight", depth * weightRow, dims(inChannels, patch, patch, weightRow)),
      weight("bias", weightRow, dims(channels)),
      ...affine(norm, channels),
      ...(grid === null ? [] : [tableOperand(grid)]),
      result("output", outHeight * outWidth * channels, dims(outHeight, outWidth, channels)),
    ],
    grid: [divideUp(outWidth, pixels), outHeight],
    images: 1,
    threads,
    shared: norm === null ? tileAt : tileAt + 4 * pixels * tileRow(channels),
    registers,
    counted: false,
    work: { unit: "lanes", flops: 2 * depth * outHeight * outWidth * channels },
  };
}

/** Sites of a thread and threads along the row: no idle sites first, then about 256 threads, then more sites each. */
function stemTile(width: number, channels: number, depth: number) {
  const all = [14, 8, 7, 4, 2, 1].flatMap(sites =>
    Array.from({ length: divideUp(width, sites) }, (_, i) => ({ sites, groups: i + 1 })),
  );
  const bytes = (pixels: number) => 4 * pixels * (tileRow(channels) + depth);
  const fits = all.filter(({ sites, groups }) => groups * channels <= 512 && bytes(sites * groups) <= 65536);
  const cost = ({ sites, groups }: { sites: number; groups: number }) =>
    (roundUp(width, sites * groups) / width) * 1000 + Math.abs(groups * channels - 256) / 4 - sites;
  return least(fits.length > 0 ? fits : [{ sites: 1, groups: 1 }], cost);
}

export function depthwise(p: KernelParams["depthwise"], { dtype, batch, choices }: Setting): CudaKernel {
  const { height, width, channels, kernel, norm } = p;
  const radius = (kernel - 1) / 2;
  const { rows, columns, groups } = choices.measured.depthwise.get(depthwiseKey(p)) ?? usualDepthwise(p, batch);
  const blockColumns = columns * groups;
  const pixels = rows * blockColumns;
  const items = groups * channels;
  const passes = divideUp(items, 256);
  const threads = roundUp(divideUp(items, passes), 32);
  const weightRow = roundUp(channels, 4);
  const registers = rows >= 7 ? 168 : 128;
  const interior = height >= rows + 2 * radius && width >= blockColumns + 2 * radius;
  return {
    template: "cuda/depthwise",
    context: {
      ...normContext(norm, { channels, pixels, threads, registers }),
      scalar: scalars[dtype],
      height,
      width,
      kernel,
      radius,
      tileRows: rows,
      tileColumns: columns,
      rowsLast: rows - 1,
      columnsLast: columns - 1,
      blockColumns,
      items,
      passes: passes > 1 ? passes : null,
      wholeRow: groups === 1 && columns >= width,
      weightRow,
      interior,
      held: kernel <= widestHeld,
      ragged: height % rows !== 0 || width % blockColumns !== 0,
    },
    operands: [
      activation("input", height * width * channels, dims(height, width, channels)),
      weight("weight", kernel * kernel * weightRow, dims(kernel, kernel, weightRow)),
      weight("bias", weightRow, dims(channels)),
      ...affine(norm, channels),
      result("output", height * width * channels, dims(height, width, channels)),
    ],
    grid: [divideUp(width, blockColumns), divideUp(height, rows)],
    images: 1,
    threads,
    shared: norm === null ? 0 : 4 * pixels * tileRow(channels),
    registers,
    counted: false,
    work: { unit: "lanes", flops: 2 * kernel * kernel * height * width * channels },
  };
}

/** Wider kernels do not fit in registers: a thread then makes one row and reads the weights once each. */
const widestHeld = 7;

/** Most rows of a thread that are taken without a measurement: more share loads, but take more registers. */
const usualRows = 4;

export const usualDepthwise = (p: KernelParams["depthwise"], batch: number): DepthwiseChoice =>
  depthwiseTiles(p, batch).find(({ rows }) => rows <= usualRows) ?? { rows: 1, columns: 4, groups: 1 };

/**
 * Rows and columns of a thread, and threads along the row, the best first. Cost is what a site takes: its taps, the
 * loads of its window, idle sites, and for few images the blocks that a GPU lacks.
 */
export function depthwiseTiles(
  { height, width, channels, kernel, norm }: KernelParams["depthwise"],
  batch: number,
): readonly DepthwiseChoice[] {
  const all = [7, 4, 2, 1].flatMap(rows =>
    [8, 7, 4].flatMap(columns => [1, 2, 3, 4, 7, 8].map(groups => ({ rows, columns, groups }))),
  );
  const fits = all.filter(
    ({ rows, columns, groups }) =>
      (kernel <= widestHeld || rows === 1) &&
      (norm === null || 4 * rows * columns * groups * tileRow(channels) <= 81920) &&
      groups * channels <= Math.max(192, channels) &&
      columns * groups < width + columns &&
      rows < height + 4,
  );
  const cost = ({ rows, columns, groups }: DepthwiseChoice) => {
    const window = (rows + kernel - 1) * (columns + kernel - 1);
    const site = kernel * kernel + (2 * window + 60) / (rows * columns);
    const idle = (roundUp(height, rows) * roundUp(width, columns * groups)) / (height * width);
    const blocks = divideUp(height, rows) * divideUp(width, columns * groups) * batch;
    const thin = Math.max(1, 96 / Math.min(channels * groups, 96));
    return site * idle * thin * Math.max(1, 200 / blocks);
  };
  return fits.sort((a, b) => cost(a) - cost(b));
}
