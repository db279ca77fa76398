import type { Size } from "./geometry.ts";

/** A part of a picture, in whole pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** How often a box is drawn that may not fit. */
const tries = 10;
/** Of width to height, and its inverse. */
const widest = 4 / 3;
const logWidest = 0.28768207245178085;

/**
 * A box of a picture of that size: its share of the area is uniform between the two, the logarithm of width over height
 * uniform between those of 3/4 and 4/3, its place uniform. What fits in none of ten tries is the middle of the picture,
 * as much of it as those ratios allow. `next` is uniform in (-1, 1). Source: torchvision, transforms.RandomResizedCrop.
 */
export function randomCrop(
  { width, height }: Size,
  share: { readonly min: number; readonly max: number },
  next: () => number,
): Box {
  const between = (low: number, high: number): number => low + ((next() + 1) / 2) * (high - low);
  for (let k = 0; k < tries; k++) {
    const area = width * height * between(share.min, share.max);
    const ratio = smallExp(next() * logWidest);
    const box = { width: Math.round(Math.sqrt(area * ratio)), height: Math.round(Math.sqrt(area / ratio)) };
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    const top = Math.floor(between(0, height - box.height + 1));
    return { ...box, top, left: Math.floor(between(0, width - box.width + 1)) };
  }
  return middle({ width, height });
}

/** All of a picture whose sides are within the ratios; else of the longer side as much as they allow. */
function middle({ width, height }: Size): Box {
  const box = {
    width: width > height * widest ? Math.round(height * widest) : width,
    height: height > width * widest ? Math.round(width * widest) : height,
  };
  return { ...box, left: Math.floor((width - box.width) / 2), top: Math.floor((height - box.height) / 2) };
}

/** For |x| < 0.3 to the last place, and the same on every machine, which `Math.exp` need not be. */
function smallExp(x: number): number {
  let sum = 1;
  for (let k = 12; k >= 1; k--) sum = 1 + (sum * x) / k;
  return sum;
}
