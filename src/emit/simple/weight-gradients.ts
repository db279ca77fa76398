import { columnStrip, type KernelParams } from "../../plan/kernels.ts";
import { divideUp } from "../../plan/tiles/tile.ts";
import { patchContext } from "../patches.ts";
import {
  dims,
  elementThreads,
  type Form,
  inF32,
  keptAs,
  present,
  read,
  type SimpleKernel,
  tableOperand,
  threadsFor,
  unbatched,
  write,
} from "./kernel.ts";

// Gradients of parameters: sums over all images, in a fixed order, and what is done to them weight by weight.

/** Sums of columns, a row of them a strip. */
export function columnSums(p: KernelParams["columnSums"], form: Form): SimpleKernel {
  const { rows, channels, dot, gelu, removed } = p;
  const vec = form.vec(channels);
  const tiles = divideUp(rows, columnStrip);
  const map = (role: string) => keptAs(p)(read(role, rows * channels, vec, dims(rows, channels)));
  return {
    template: "column-sums",
    context: {
      rows,
      channels,
      strip: columnStrip,
      tiles,
      count: channels / vec,
      ragged: rows % columnStrip !== 0,
      dot,
      removed: removed && {
        ...patchContext(removed, removed.down, removed.across),
        width: removed.columns * removed.across,
      },
    },
    operands: present([
      map("input"),
      dot ? map("other") : null,
      removed && tableOperand(removed),
      inF32(write("sums", tiles * channels, vec, dims(tiles, channels))),
    ]),
    threads: form.language === "wgsl" ? 64 : threadsFor(channels, 32, 256),
    over: { groups: tiles },
    ...(gelu === null ? {} : { gelu }),
    flops: 2 * rows * channels,
  };
}

/** Rows that are added one after the other, before their sum is added to that of the others. */
const chain = 64;

/** Rows of sums to one row: those of an image, of all images, or of the parts of a kernel. */
export function columnTotals(p: KernelParams["columnTotals"], { language }: Form): SimpleKernel {
  const { length, rows, over, taps } = p;
  const channels = length / taps;
  const sums = inF32(read("sums", rows * length, 1, dims(rows, length)));
  const total = inF32(write("total", length, 1, taps === 1 ? dims(length) : dims(channels, taps)));
  return {
    template: "column-totals",
    context: {
      length,
      rows,
      batch: over === "batch",
      chain,
      taps,
      channels,
      at: taps === 1 ? "i" : `i % ${channels} * ${taps} + i / ${channels}`,
    },
    operands: [over === "parts" ? unbatched(sums) : sums, over === "sample" ? total : unbatched(total)],
    threads: elementThreads[language],
    over: { elements: length },
    ...(over === "sample" ? {} : { across: true }),
    ...(over === "batch" ? { counted: true } : {}),
  };
}

/** Sites of a line that a thread of `depthwiseGrad` holds at a time at the most. */
const longestRun = 8;

const signed = (offset: number): string => (offset === 0 ? "" : offset < 0 ? ` - ${-offset}` : ` + ${offset}`);

/** A thread a channel, or four, a row of taps and a part. */
export function depthwiseGrad(p: KernelParams["depthwiseGrad"], { language, vec: vecOf }: Form): SimpleKernel {
  const { height, width, channels, kernel, dilation = 1, parts, patches } = p;
  const vec = vecOf(channels);
  const count = channels / vec;
  const reach = ((kernel - 1) / 2) * dilation;
  // As few runs of a line as can be, all as long as they need to be; a compact map's lines are one.
  const run = patches ? width : divideUp(width, divideUp(width, longestRun));
  const wholeWidth = patches ? patches.columns * patches.across : width;
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const map = (role: string) => read(role, height * width * channels, vec, dims(height, width, channels));
  return {
    template: "depthwise-grad",
    context: {
      height,
      width,
      channels,
      count,
      lineLength: width * count,
      kernel,
      reach,
      parts,
      run,
      from: patches ? `line * ${width}` : `line * ${width} + left`,
      taps: range(kernel).map(dx => ({ dx })),
      sites: range(run).map(x => ({ x, more: x === 0 ? "" : ` + ${x}`, ragged: width % run !== 0 })),
      apart: dilation === 1 ? "" : ` * ${dilation}`,
      columns: range(run + (kernel - 1) * dilation).map(j => {
        const offset = j - reach;
        const inside = [
          ...(offset < 0 ? [`left >= ${-offset}`] : []),
          ...(offset >= run || width % run !== 0 ? [`left${signed(offset)} < ${wholeWidth}`] : []),
        ];
        return {
          from: signed(offset),
          inside: inside.join(" && "),
          pairs: range(kernel).flatMap(dx => {
            const site = j - dx * dilation;
            return site >= 0 && site < run ? [{ dx, site }] : [];
          }),
        };
      }),
      patches: patches && {
        ...patchContext(patches, patches.down, patches.across),
        wholeHeight: patches.rows * patches.down,
      },
    },
    operands: present([
      map("d"),
      map("input"),
      patches && tableOperand(patches),
      unbatched(write("sums", parts * kernel * kernel * channels, vec, dims(parts, kernel * kernel, channels))),
    ]),
    threads: elementThreads[language],
    over: { elements: parts * kernel * count },
    across: true,
    counted: true,
  };
}

/** By fours where they are all of one output, and have inputs of their own. */
export function weightwise(p: KernelParams["weightwise"], { language, vec: vecOf }: Form): SimpleKernel {
  const { terms, outputs, inputs, taps } = p;
  const whole = outputs * inputs * taps;
  const shape = dims(outputs, inputs, taps);
  const flat = terms.every(({ y }) => y === null);
  const vec = flat ? vecOf(whole) : taps === 1 ? vecOf(inputs) : 1;
  const row = (inputs * taps) / vec;
  const forms = {
    whole: { at: "i", elements: whole, vec, note: shape },
    outputs: { at: row === 1 ? "i" : `i / ${row}`, elements: outputs, vec: 1, note: dims(outputs) },
    inputs: {
      at: taps === 1 ? `i % ${row}` : `i / ${taps} % ${inputs}`,
      elements: inputs,
      vec,
      note: dims(inputs),
    },
  } as const;
  const named = terms.flatMap(({ x, y }, i) => [
    { role: `input${i + 1}`, name: `x${i + 1}`, ...forms[x] },
    ...(y === null ? [] : [{ role: `factor${i + 1}`, name: `y${i + 1}`, ...forms[y] }]),
  ]);
  return {
    template: "weightwise",
    context: {
      shape,
      loads: named.map(({ role, name, at }) => ({ role, name, at })),
      value: terms.map(({ y }, i) => (y === null ? `x${i + 1}` : `x${i + 1} * y${i + 1}`)).join(" + "),
    },
    operands: [
      ...named.map(({ role, elements, vec: by, note }) => unbatched(read(role, elements, by, note))),
      unbatched(write("output", whole, vec, shape)),
    ],
    threads: elementThreads[language],
    over: { elements: whole / vec },
    across: true,
  };
}

export function weightDot(p: KernelParams["weightDot"], { language }: Form): SimpleKernel {
  const { to, by, outputs, inputs, taps } = p;
  const shape = dims(outputs, inputs, taps);
  const [length, count] = to === "outputs" ? [outputs, inputs * taps] : [inputs, outputs * taps];
  const alongOutputs = taps === 1 ? `k * ${inputs} + i` : `(k / ${taps} * ${inputs} + i) * ${taps} + k % ${taps}`;
  return {
    template: "weight-dot",
    context: {
      shape,
      to,
      count,
      chain,
      inputAt: to === "outputs" ? `i * ${count} + k` : alongOutputs,
      otherAt: by === "whole" ? null : taps === 1 ? "k" : `k / ${taps}`,
    },
    operands: [
      unbatched(read("input", outputs * inputs * taps, 1, shape)),
      unbatched(
        {
          whole: read("other", outputs * inputs * taps, 1, shape),
          outputs: read("other", outputs, 1, dims(outputs)),
          inputs: read("other", inputs, 1, dims(inputs)),
        }[by],
      ),
      unbatched(write("output", length, 1, dims(length))),
    ],
    threads: elementThreads[language],
    over: { elements: length },
    across: true,
  };
}
