import { type KernelParams, squareStrip, squareStrips } from "../../plan/kernels.ts";
import { divideUp } from "../../plan/tiles/tile.ts";
import {
  dims,
  type Form,
  inF32,
  maskOperand,
  parameter,
  present,
  read,
  type SimpleKernel,
  tableOperand,
  threadsFor,
  write,
} from "./kernel.ts";

// Kernels whose threads share the work of a group: sums, and what is put in another order.

/** Once a run, for all kernels that look patches up. */
export function patchTable(grid: KernelParams["patchTable"], { language }: Form): SimpleKernel {
  const patches = grid.rows * grid.columns;
  return {
    template: "patch-table",
    context: { patches, keep: grid.keep, lastPatch: patches - 1 },
    operands: [maskOperand(grid), { ...tableOperand(grid), access: "write" }],
    threads: language === "wgsl" ? threadsFor(patches, 8, 64) : threadsFor(patches, 32, 256),
    over: { groups: 1 },
  };
}

export function sumSquares({ rows, channels }: KernelParams["sumSquares"], form: Form): SimpleKernel {
  const vec = form.vec(channels);
  const padded = form.padded(channels);
  const tiles = squareStrips(rows);
  return {
    template: "sum-squares",
    context: {
      rows,
      channels,
      strip: squareStrip,
      tiles,
      count: channels / vec,
      paddedCount: padded / vec,
      padding: padded !== channels,
      ragged: rows % squareStrip !== 0,
    },
    operands: [
      read("input", rows * channels, vec, dims(rows, channels)),
      inF32(write("squares", tiles * padded, vec, dims(tiles, channels))),
    ],
    threads: form.language === "wgsl" ? 64 : threadsFor(channels, 32, 256),
    over: { groups: tiles },
    flops: 2 * rows * channels,
  };
}

/** GRN's factors, `1 + gamma * N(x)`, of an image or of the whole batch. */
export function grnScale(p: KernelParams["grnScale"], form: Form): SimpleKernel {
  const { channels, tiles, batch } = p;
  const padded = form.padded(channels);
  const vec = form.vec(padded);
  const partials = inF32(read("partials", tiles * padded, vec, dims(tiles, channels)));
  return {
    template: "grn-scale",
    context: { channels, tiles, batch, count: padded / vec, vector: vec === 4 },
    operands: [
      batch ? { ...partials, ofAllImages: true } : partials,
      parameter("gamma", padded, vec, dims(channels)),
      inF32(write("scale", padded, vec, dims(channels))),
    ],
    threads: form.language === "wgsl" ? p.invocations : 256,
    over: { groups: 1 },
    totals: true,
    ...(batch ? { counted: true } : {}),
  };
}

/** Longest plain sum of a mean: longer ones are summed in blocks of so many. */
const longestSum = 256;

/** The pooled vector is f32: the classifier alone reads it. */
export function pool({ sites, channels, norm, invocations }: KernelParams["pool"], form: Form): SimpleKernel {
  const vec = form.vec(channels);
  const ofChannels = (role: string) => parameter(role, channels, vec, dims(channels));
  return {
    template: "pool",
    context: {
      sites,
      channels,
      count: channels / vec,
      vector: vec === 4,
      block: longestSum,
      norm: norm !== null,
      affine: norm?.affine ?? false,
      eps: norm === null ? null : String(norm.eps),
    },
    operands: present([
      read("input", sites * channels, vec, dims(sites, channels)),
      norm?.affine ? ofChannels("gain") : null,
      norm?.affine ? ofChannels("shift") : null,
      inF32(write("output", channels, vec, dims(channels))),
    ]),
    threads: form.language === "wgsl" ? invocations : threadsFor(channels, 32, 512),
    over: { groups: 1 },
    ...(norm === null ? {} : { totals: true }),
  };
}

/** What is compared with an image's patches; a group makes a patch. */
const patchesOf = (p: KernelParams["siteErrorGrad"]) => {
  const { rows, columns, size, channels, eps } = p;
  const [height, width] = [rows * size, columns * size];
  const pixels = size * size * channels;
  const patches = p.gathered ?? rows * columns;
  const table = p.gathered === undefined ? null : tableOperand({ rows, columns, keep: p.gathered });
  return {
    context: {
      ...{ size, channels, pixels, columns, height, width, patches },
      whole: table && rows * columns,
      standardize: eps !== null,
      eps: eps === null ? null : String(eps),
      degrees: pixels - 1,
    },
    pred: read("pred", patches * pixels, 1, dims(patches, pixels)),
    image: inF32(read("image", channels * height * width, 1, dims(channels, height, width))),
    table,
    patches,
    pixels,
  };
};

export function siteError(p: KernelParams["siteError"], { language }: Form): SimpleKernel {
  const { context, pred, image, table, patches, pixels } = patchesOf(p);
  return {
    template: "site-error",
    context: { ...context, removedOnly: p.removedOnly },
    operands: present([
      pred,
      image,
      table,
      p.removedOnly ? maskOperand(p) : null,
      inF32(write("errors", patches, 1, dims(patches))),
    ]),
    threads: language === "wgsl" ? p.invocations : threadsFor(pixels, 32, 256),
    over: { groups: patches },
    totals: true,
  };
}

export function siteErrorGrad(p: KernelParams["siteErrorGrad"], { language }: Form): SimpleKernel {
  const { context, pred, image, table, patches, pixels } = patchesOf(p);
  return {
    template: "site-error-grad",
    context,
    operands: present([
      pred,
      image,
      table,
      inF32(read("d", patches, 1, dims(patches))),
      write("output", patches * pixels, 1, dims(patches, pixels)),
    ]),
    threads: language === "wgsl" ? p.invocations : threadsFor(pixels, 32, 256),
    over: { groups: patches },
    totals: true,
  };
}

/** One group, over all images. */
export function maskedMean({ patches, invocations }: KernelParams["maskedMean"], { language }: Form): SimpleKernel {
  const ofAll = (role: string) => ({ ...inF32(read(role, patches, 1, dims(patches))), ofAllImages: true }) as const;
  return {
    template: "masked-mean",
    context: { patches },
    operands: [ofAll("errors"), ofAll("mask"), { ...inF32(write("output", 1, 1, dims(1))), perImage: false }],
    threads: language === "wgsl" ? invocations : 256,
    over: { groups: 1 },
    totals: true,
    counted: true,
    once: true,
  };
}

/** What a model gives is f32. */
export function toChannelsFirst(p: KernelParams["toChannelsFirst"], { language }: Form): SimpleKernel {
  const { sites, channels } = p;
  const strip = language === "wgsl" ? p.tile.strip : 32;
  return {
    template: "to-channels-first",
    context: { sites, channels, strip, stripLength: strip * channels, ragged: sites % strip !== 0 },
    operands: [
      read("input", sites * channels, 1, dims(sites, channels)),
      inF32(write("output", sites * channels, 1, dims(channels, sites))),
    ],
    threads: language === "wgsl" ? p.tile.invocations : 256,
    over: { groups: divideUp(sites, strip) },
  };
}
