import { cropPct } from "../model/imagenet.ts";
import type { Picture } from "./picture.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A picture in a model's size, as the published preprocessing has it: resized (bicubic) so that its shorter side is
 * int(size / 0.875), then cropped around the middle; squares of 384 and more are only resized, whatever their shape was.
 * For an input that is not square, the resized picture covers both sides over 0.875, so that nothing is distorted.
 */
export function fitPicture(picture: Picture, to: Size): Picture {
  if (to.width === to.height && to.width >= 384) return resize(picture, to);
  const resized = resize(picture, covering(picture, to));
  return crop(resized, to);
}

function covering({ width, height }: Size, to: Size): Size {
  const [wide, high] = [Math.trunc(to.width / cropPct), Math.trunc(to.height / cropPct)];
  return width * high <= height * wide
    ? { width: wide, height: Math.trunc((wide * height) / width) }
    : { width: Math.trunc((high * width) / height), height: high };
}

/** Of two equally near whole numbers the even one, as Python rounds. */
const roundHalfEven = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

function crop({ width, height, channels, data }: Picture, to: Size): Picture {
  const left = roundHalfEven((width - to.width) / 2);
  const top = roundHalfEven((height - to.height) / 2);
  const cropped = new Uint8Array(to.width * to.height * channels);
  for (let y = 0; y < to.height; y++) {
    const from = ((top + y) * width + left) * channels;
    cropped.set(data.subarray(from, from + to.width * channels), y * to.width * channels);
  }
  return { ...to, channels, data: cropped };
}

/** Bicubic as Pillow has it: the kernel grows with the reduction, so that nothing is skipped; eight bits between passes. */
function resize({ width, height, channels, data }: Picture, to: Size): Picture {
  const wide = new Uint8Array(to.width * height * channels);
  for (const [x, { first, weights }] of taps(width, to.width).entries())
    for (let y = 0; y < height; y++)
      for (let c = 0; c < channels; c++)
        wide[(y * to.width + x) * channels + c] = weighted(data, (y * width + first) * channels + c, channels, weights);
  const row = to.width * channels;
  const resized = new Uint8Array(row * to.height);
  for (const [y, { first, weights }] of taps(height, to.height).entries())
    for (let i = 0; i < row; i++) resized[y * row + i] = weighted(wide, first * row + i, row, weights);
  return { ...to, channels, data: resized };
}

function weighted(data: Uint8Array, from: number, step: number, weights: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < weights.length; k++) sum += (weights[k] as number) * (data[from + k * step] as number);
  return Math.min(255, Math.max(0, Math.round(sum)));
}

interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** For each output position, the input positions it is made of and how much of each. */
function taps(from: number, to: number): readonly Taps[] {
  const scale = from / to;
  const spread = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - 2 * spread + 0.5));
    const end = Math.min(from, Math.trunc(centre + 2 * spread + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) => cubic((first + k - centre + 0.5) / spread));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: raw.map(weight => weight / sum) };
  });
}

/** Keys' cubic with a = -1/2. */
function cubic(x: number): number {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}
