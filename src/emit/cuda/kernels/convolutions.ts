import { invariant } from "../../../diagnostics/invariant.ts";
import { type KernelParams, stemSites } from "../../../plan/kernels.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";
import type { DepthwiseChoice } from "../../../plan/tiles/tuned-choices.ts";
import { patchContext } from "../../patches.ts";
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
      grid: grid === null ? null : patchContext(grid, outHeight / grid.keep, outWidth),
      imageLength: inChannels * height * width,
      planeLength: height * width,
      stripLength: pixels * patch,
      outLength: outHeight * outWidth * channels,
    },
    operands: [
      activation("input", inChannels * height * width, dims(inChannels, height, width), "f32"),
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
    work: { unit: "simt", flops: 2 * depth * outHeight * outWidth * channels },
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

export function depthwise(p: KernelParams["depthwise"], setting: Setting): CudaKernel {
  const { choice } = p;
  invariant(choice, "a depthwise convolution has no tile of CUDA's");
  return choice.strip > choice.rows ? depthwiseStrip(p, choice, setting) : depthwiseTile(p, choice, setting);
}

/** What both ways share: everything but the tile and what a thread does. */
function depthwiseShared(p: KernelParams["depthwise"], { rows, columns, groups }: DepthwiseChoice, { dtype }: Setting) {
  const { height, width, channels, kernel, dilation = 1, norm } = p;
  const radius = ((kernel - 1) / 2) * dilation;
  const blockColumns = columns * groups;
  const pixels = rows * blockColumns;
  const items = groups * channels;
  const weightRow = roundUp(channels, 4);
  const context = {
    scalar: scalars[dtype],
    height,
    width,
    kernel,
    radius,
    blockColumns,
    columnsLast: columns - 1,
    items,
    wholeRow: groups === 1 && columns >= width,
    weightRow,
  };
  const operands = [
    activation("input", height * width * channels, dims(height, width, channels)),
    weight("weight", kernel * kernel * weightRow, dims(kernel, kernel, weightRow)),
    weight("bias", weightRow, dims(channels)),
    ...affine(norm, channels),
    result("output", height * width * channels, dims(height, width, channels)),
  ];
  return {
    context,
    pixels,
    operands,
    shared: norm === null ? 0 : 4 * pixels * tileRow(channels),
    work: { unit: "simt", flops: 2 * kernel * kernel * height * width * channels },
  } as const;
}

/** A thread makes all its sites at once. */
function depthwiseTile(p: KernelParams["depthwise"], choice: DepthwiseChoice, setting: Setting): CudaKernel {
  const { height, width, channels, kernel, dilation = 1, norm } = p;
  const { rows, columns } = choice;
  invariant(dilation === 1 || rows === 1, "rows of taps that are apart are made one at a time");
  const held = kernel <= widestHeld && dilation === 1;
  const { context, pixels, operands, shared, work } = depthwiseShared(p, choice, setting);
  const { blockColumns, items } = context;
  const passes = divideUp(items, 256);
  const threads = roundUp(divideUp(items, passes), 32);
  const registers = rows >= 7 ? 168 : 128;
  return {
    template: "cuda/depthwise",
    context: {
      ...normContext(norm, { channels, pixels, threads, registers }),
      ...context,
      tileRows: rows,
      tileColumns: columns,
      rowsLast: rows - 1,
      passes: passes > 1 ? passes : null,
      apart: dilation === 1 ? "" : ` * ${dilation}`,
      window: dilation === 1 ? "size - 1" : `(size - 1) * ${dilation}`,
      held,
      rowUnroll: held ? "CNX_UNROLL" : "CNX_ROLLED",
    },
    operands,
    grid: [divideUp(width, blockColumns), divideUp(height, rows)],
    images: 1,
    threads,
    shared,
    registers,
    counted: false,
    work,
  };
}

/** A thread goes down a strip, row after row. */
function depthwiseStrip(p: KernelParams["depthwise"], choice: DepthwiseChoice, setting: Setting): CudaKernel {
  const { height, width, channels, norm } = p;
  const { rows, columns, strip } = choice;
  const { context, pixels, operands, shared, work } = depthwiseShared(p, choice, setting);
  const { blockColumns, items } = context;
  const threads = roundUp(items, 32);
  const registers = stripRegisters(choice, p.kernel);
  const given = operands.filter(({ access }) => access === "read");
  return {
    template: "cuda/depthwise-strip",
    context: {
      ...normContext(norm, { channels, pixels, threads, registers }),
      ...context,
      columns,
      strip,
      together: rows,
      given: given.map(({ role: name, storage }) => ({ name, type: storage === "f32" ? "float" : "T" })),
    },
    operands,
    grid: [divideUp(width, blockColumns), divideUp(height, strip)],
    images: 1,
    threads,
    shared,
    registers,
    counted: false,
    work,
  };
}

/** What a thread of a strip needs: the rows under way, the weights, two rows of the input, and addresses. */
const stripRegisters = ({ columns }: DepthwiseChoice, kernel: number): number =>
  roundUp(kernel * columns + kernel * kernel + 2 * (columns + kernel - 1) + 24, 8);

/** Wider kernels do not fit in registers: a thread then makes one row and reads the weights once each. */
const widestHeld = 7;

/** Most rows of a thread that are taken without a measurement: more share loads, but take more registers. */
const defaultRows = 4;

export const defaultDepthwise = (p: KernelParams["depthwise"], batch: number): DepthwiseChoice =>
  depthwiseChoices(p, batch).find(({ rows, strip }) =>
    p.dilation === undefined ? rows <= defaultRows : rows === 1 && strip === 1,
  ) ?? { rows: 1, columns: 4, strip: 1, groups: 1 };

/** Bytes of shared memory that a tile's sites, with all their channels, keep to. */
const mostShared = 81920;

/** Threads and registers that a block of a strip keeps to. */
const stripLimits = { threads: 512, registers: 65536 } as const;

/** Blocks of strips that a large GPU runs at once: four of each of its processors. */
const stripBlocks = 528;

/**
 * Rows and columns of a thread, its strip, and threads along the row, the best first. Cost is the instructions that a
 * site takes, as nvcc makes them: its taps, two for each load of the window and some more; idle sites; and for few images
 * the blocks that a GPU lacks.
 */
export function depthwiseChoices(p: KernelParams["depthwise"], batch: number): readonly DepthwiseChoice[] {
  const { height, width, channels, kernel, norm } = p;
  const all = [7, 4, 2, 1].flatMap(rows =>
    [8, 7, 4].flatMap(columns =>
      [1, 2, 3, 4, 7, 8].flatMap(groups =>
        stripsOf(p, rows).map((strip): DepthwiseChoice => ({ rows, columns, strip, groups })),
      ),
    ),
  );
  const fits = all.filter(
    choice =>
      (norm === null || 4 * choice.rows * choice.columns * choice.groups * tileRow(channels) <= mostShared) &&
      choice.groups * channels <= Math.max(192, channels) &&
      choice.columns * choice.groups < width + choice.columns &&
      choice.rows < height + 4 &&
      (choice.strip > choice.rows ? stripFits(choice, p) : kernel <= widestHeld || choice.rows === 1),
  );
  const cost = (choice: DepthwiseChoice) => (choice.strip > choice.rows ? stripCost : tileCost)(choice, p, batch);
  return fits.sort((a, b) => cost(a) - cost(b));
}

/** Rows that a thread may go down: its own alone, the map, half of it, a quarter. */
const stripsOf = ({ height }: KernelParams["depthwise"], rows: number): readonly number[] => [
  rows,
  ...[1, 2, 4]
    .map(parts => roundUp(divideUp(height, parts), rows))
    .filter((strip, i, all) => strip > rows && all.indexOf(strip) === i),
];

const stripFits = (choice: DepthwiseChoice, { channels, kernel }: KernelParams["depthwise"]): boolean => {
  const threads = roundUp(choice.groups * channels, 32);
  const registers = stripRegisters(choice, kernel);
  return kernel <= widestHeld && threads <= stripLimits.threads && threads * registers <= stripLimits.registers;
};

/** Threads of a warp that have nothing to do. */
const thinness = ({ groups }: DepthwiseChoice, { channels }: KernelParams["depthwise"]): number =>
  Math.max(1, 96 / Math.min(channels * groups, 96));

function tileCost(choice: DepthwiseChoice, p: KernelParams["depthwise"], batch: number): number {
  const { height, width, kernel } = p;
  const { rows, columns, groups } = choice;
  const window = (rows + kernel - 1) * (columns + kernel - 1);
  const site = kernel * kernel + (2 * window + 60) / (rows * columns);
  const idle = (roundUp(height, rows) * roundUp(width, columns * groups)) / (height * width);
  const blocks = divideUp(height, rows) * divideUp(width, columns * groups) * batch;
  return site * idle * thinness(choice, p) * Math.max(1, 200 / blocks);
}

function stripCost(choice: DepthwiseChoice, p: KernelParams["depthwise"], batch: number): number {
  const { height, width, kernel } = p;
  const { columns, strip, groups } = choice;
  const strips = divideUp(height, strip);
  const read = height + (strips - 1) * (kernel - 1); // rows of the input, those beside a strip's edge twice
  const site = kernel * kernel + (2 * (columns + kernel - 1) + 25) / columns;
  const idle = (read * roundUp(width, columns * groups)) / (height * width);
  const blocks = strips * divideUp(width, columns * groups) * batch;
  return site * idle * thinness(choice, p) * (roundUp(blocks, stripBlocks) / blocks);
}
