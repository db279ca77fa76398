import type { Filter } from "../model/model.ts";
import { filterKernels } from "./filters.ts";
import type { Placement, Size } from "./geometry.ts";
import type { Picture } from "./picture.ts";

/** Weights are whole numbers of so many bits, as Pillow has them for eight bits a channel. */
const precision = 2 ** 22;

/**
 * What of a picture lies in a window of its resized self, by a filter as Pillow's `resize` has it, so that what torchvision
 * makes of a PIL image comes out to the bit. The kernel grows with the reduction, so that nothing is skipped (antialias);
 * weights are whole numbers, and the horizontal pass leaves eight bits a channel to the vertical one. Rows and columns
 * outside of the window are not worked out: a picture may be far longer than wide.
 */
export function resample(picture: Picture, { resized, left, top }: Placement, window: Size, filter: Filter): Picture {
  const across = keptTaps(picture.width, resized.width, left, window.width, filter);
  const down = keptTaps(picture.height, resized.height, top, window.height, filter);
  const firstRow = Math.min(...down.map(({ first }) => first));
  const endRow = Math.max(...down.map(({ first, weights }) => first + weights.length));
  const narrow = horizontal(picture, across, firstRow, endRow);
  return {
    ...window,
    channels: picture.channels,
    data: vertical(narrow, down, firstRow, window.width * picture.channels),
  };
}

/** The rows from `firstRow` to `endRow`, in the window's width. */
function horizontal(
  { width, channels, data }: Picture,
  across: readonly Taps[],
  firstRow: number,
  endRow: number,
): Uint8Array {
  const out = new Uint8Array((endRow - firstRow) * across.length * channels);
  let at = 0;
  for (let row = firstRow; row < endRow; row++)
    for (const { first, weights } of across)
      for (let c = 0; c < channels; c++)
        out[at++] = weighted(data, (row * width + first) * channels + c, channels, weights);
  return out;
}

function vertical(data: Uint8Array, down: readonly Taps[], firstRow: number, row: number): Uint8Array {
  const out = new Uint8Array(down.length * row);
  let at = 0;
  for (const { first, weights } of down)
    for (let i = 0; i < row; i++) out[at++] = weighted(data, (first - firstRow) * row + i, row, weights);
  return out;
}

/** Rounded and kept within eight bits. Sums stay whole, and far below 2^53. */
function weighted(data: Uint8Array, from: number, step: number, weights: Int32Array): number {
  let sum = precision / 2;
  for (let k = 0, at = from; k < weights.length; k++, at += step) sum += (weights[k] as number) * (data[at] as number);
  return Math.min(255, Math.max(0, Math.floor(sum / precision)));
}

/** The input positions that one output position is made of, and how much of each. */
export interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

/** Taps of the last few axes: most pictures of a folder have one size, and to work them out takes longer than to use them. */
const kept = new Map<string, readonly Taps[]>();
const mostKept = 64;

function keptTaps(...axis: Parameters<typeof axisTaps>): readonly Taps[] {
  const key = axis.join();
  const known = kept.get(key);
  if (known !== undefined) return known;
  const taps = axisTaps(...axis);
  if (kept.size === mostKept) kept.clear();
  kept.set(key, taps);
  return taps;
}

/** Taps of `count` output positions from `start` on, of an axis that goes from so many positions to so many. */
export function axisTaps(from: number, to: number, start: number, count: number, filter: Filter): readonly Taps[] {
  const scale = from / to;
  if (filter === "nearest") return nearestTaps(scale, start, count);
  const spread = Math.max(1, scale);
  const { support, at } = filterKernels[filter];
  return Array.from({ length: count }, (_, i) => {
    const centre = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * spread + 0.5));
    const end = Math.min(from, Math.trunc(centre + support * spread + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) => at((first + k - centre + 0.5) * (1 / spread)));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: Int32Array.from(raw, weight => roundAway((weight / sum) * precision)) };
  });
}

/** Places are added up, as Pillow does: of two equally near pixels either may be the one. */
function nearestTaps(scale: number, start: number, count: number): readonly Taps[] {
  const weights = Int32Array.of(precision);
  const taps: Taps[] = [];
  for (let i = 0, centre = scale / 2; i < start + count; i++, centre += scale)
    if (i >= start) taps.push({ first: Math.trunc(centre), weights });
  return taps;
}

const roundAway = (x: number): number => Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
