import type { KernelParams, RearrangeParams } from "../../plan/kernels.ts";
import {
  dims,
  elementThreads,
  type Form,
  inF32,
  keptAs,
  maskOperand,
  parameter,
  read,
  type SimpleKernel,
  type SimpleOperand,
  threadsFor,
  unbatched,
  write,
} from "./kernel.ts";

// Gradients of maps, and losses.

/** Where each value of the result comes from, how many there are to choose from, and what it is multiplied by. */
interface Rearrangement {
  readonly from: number;
  readonly note: string;
  readonly at: string;
  readonly scale: number;
  readonly to: readonly [height: number, width: number, channels: number];
}

function rearrangement(p: RearrangeParams): Rearrangement {
  const { height, width, channels } = p;
  const from = height * width * channels;
  const map = { from, note: dims(height, width, channels), scale: 1 };
  const image = { ...map, note: dims(channels, height, width) };
  if (!("size" in p)) {
    const to = [height, width, channels] as const;
    if (p.op === "toChannelsLast") return { ...image, to, at: `i % ${channels} * ${height * width} + i / ${channels}` };
    return { from: channels, note: dims(channels), to, at: `i % ${channels}`, scale: 1 / (height * width) };
  }
  const { size } = p;
  if (p.op === "patchify") {
    const pixels = size * size * channels;
    const [site, place] = [`i / ${pixels}`, `i % ${pixels} / ${channels}`];
    const row = `(${site} / ${width / size} * ${size} + ${place} / ${size})`;
    const column = `${site} % ${width / size} * ${size} + ${place} % ${size}`;
    const at = `(i % ${channels} * ${height} + ${row}) * ${width} + ${column}`;
    return { ...image, to: [height / size, width / size, pixels], at };
  }
  const deep = p.op === "depthToSpace" ? channels / size ** 2 : channels;
  const [wide, row, column] = [width * size, `i / ${width * size * deep}`, `i / ${deep} % ${width * size}`];
  const site = `(${row} / ${size} * ${width} + ${column} / ${size})`;
  const to = [height * size, wide, deep] as const;
  if (p.op === "spreadPool") return { ...map, to, at: `${site} * ${deep} + i % ${deep}`, scale: 1 / size ** 2 };
  const place = `${row} % ${size} * ${size} + ${column} % ${size}`;
  return { ...map, to, at: `(${site} * ${size ** 2} + ${place}) * ${deep} + i % ${deep}` };
}

/** What the caller gives is f32, and so are pooled vectors. */
const alwaysF32: ReadonlySet<RearrangeParams["op"]> = new Set(["toChannelsLast", "patchify", "spreadSites"]);

export function rearrange(p: KernelParams["rearrange"], { language }: Form): SimpleKernel {
  const { from, note, at, scale, to } = rearrangement(p);
  const length = to[0] * to[1] * to[2];
  const input = read("input", from, 1, note);
  return {
    template: "rearrange",
    context: { shape: dims(...to), at, scale: scale === 1 ? null : String(scale) },
    operands: [alwaysF32.has(p.op) ? inF32(input) : input, write("output", length, 1, dims(...to))],
    threads: elementThreads[language],
    over: { elements: length },
  };
}

type Statistics = Omit<KernelParams["inverseDeviation"], "eps"> & { readonly eps?: number };

/** A thread a row. */
const rows = (
  p: Statistics,
  template: string,
  operands: readonly SimpleOperand[],
  { language }: Form,
): SimpleKernel => ({
  template,
  context: {
    channels: p.channels,
    divisor: p.variance === "biased" ? p.channels : p.channels - 1,
    eps: p.eps === undefined ? null : String(p.eps),
  },
  operands,
  threads: elementThreads[language],
  over: { elements: p.rows },
});

const rowsOf = (role: string, p: Statistics) => keptAs(p)(read(role, p.rows * p.channels, 1, dims(p.rows, p.channels)));

export const inverseDeviation = (p: KernelParams["inverseDeviation"], form: Form): SimpleKernel =>
  rows(p, "inverse-deviation", [rowsOf("input", p), inF32(write("output", p.rows, 1, dims(p.rows)))], form);

export const standardize = (p: KernelParams["standardize"], form: Form): SimpleKernel =>
  rows(p, "standardize", [rowsOf("input", p), { ...rowsOf("output", p), access: "write" }], form);

export const normalizeGrad = (p: KernelParams["normalizeGrad"], form: Form): SimpleKernel =>
  rows(
    p,
    "normalize-grad",
    [
      rowsOf("normalized", p),
      inF32(read("deviation", p.rows, 1, dims(p.rows))),
      rowsOf("d", p),
      { ...rowsOf("output", p), access: "write" },
    ],
    form,
  );

/** A group makes those of an image, or of the whole batch. */
export function grnGrad(p: KernelParams["grnGrad"], form: Form): SimpleKernel {
  const { of, channels, tiles, batch, eps } = p;
  const padded = form.padded(channels);
  const vector = (role: string) => inF32(read(role, channels, 1, dims(channels)));
  const made = inF32(write("output", channels, 1, dims(channels)));
  const partials = inF32(read("partials", tiles * padded, 1, dims(tiles, channels)));
  return {
    template: "grn-grad",
    context: { channels, padded, tiles, batch, squares: of === "squares", eps: String(eps) },
    operands: [
      batch ? { ...partials, ofAllImages: true } : partials,
      ...(of === "squares" ? [parameter("gamma", channels, 1, dims(channels))] : []),
      batch ? unbatched(vector("d")) : vector("d"),
      batch ? unbatched(made) : made,
    ],
    threads: form.language === "wgsl" ? 64 : threadsFor(channels, 32, 256),
    over: { groups: 1 },
    totals: true,
    ...(batch ? { across: true, counted: true } : {}),
  };
}

export function scaleSamples(p: KernelParams["scaleSamples"], { language, vec: vecOf }: Form): SimpleKernel {
  const { length, blocks, index } = p;
  const vec = vecOf(length);
  return {
    template: "scale-samples",
    context: { length, index },
    operands: [
      read("input", length, vec, dims(length)),
      inF32(read("factors", blocks, 1, dims(blocks))),
      write("output", length, vec, dims(length)),
    ],
    threads: elementThreads[language],
    over: { elements: length / vec },
  };
}

/** One group, over all images. */
export function maskedMeanGrad({ patches, scale }: KernelParams["maskedMeanGrad"], { language }: Form): SimpleKernel {
  const mask = maskOperand({ rows: 1, columns: patches });
  return {
    template: "masked-mean-grad",
    context: { patches, ...scaledBy(scale) },
    operands: [
      { ...mask, ofAllImages: true },
      { ...mask, role: "output", access: "write", ofAllImages: true },
    ],
    threads: language === "wgsl" ? 64 : 256,
    over: { groups: 1 },
    totals: true,
    counted: true,
    once: true,
  };
}

/** What a loss is multiplied by before it is differentiated. */
const scaledBy = (lossScale = 1) => ({ lossScale, times: lossScale === 1 ? "" : ` * ${lossScale}.0f` });

const classOperands = (classes: number) =>
  ["logits", "targets"].map(role => inF32(read(role, classes, 1, dims(classes))));

/** One group, over all images. */
export function crossEntropy({ classes }: KernelParams["crossEntropy"], { language }: Form): SimpleKernel {
  return {
    template: "cross-entropy",
    context: { classes },
    operands: [
      ...classOperands(classes).map(operand => ({ ...operand, ofAllImages: true }) as const),
      unbatched(write("output", 1, 1, dims(1))),
    ],
    threads: language === "wgsl" ? 64 : 256,
    over: { groups: 1 },
    totals: true,
    counted: true,
    once: true,
  };
}

/** A group an image. */
export function crossEntropyGrad(
  { classes, scale }: KernelParams["crossEntropyGrad"],
  { language }: Form,
): SimpleKernel {
  return {
    template: "cross-entropy-grad",
    context: { classes, ...scaledBy(scale) },
    operands: [...classOperands(classes), inF32(write("output", classes, 1, dims(classes)))],
    threads: language === "wgsl" ? threadsFor(classes, 8, 64) : threadsFor(classes, 32, 256),
    over: { groups: 1 },
    totals: true,
    counted: true,
  };
}
