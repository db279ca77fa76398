import type { Augment, Input } from "../model/model.ts";

/** Rows and columns of an image, from the first to before the last. */
export interface MixBox {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** How two images are mixed, and their labels. */
export interface Mix {
  /** What each keeps of itself; the other's part is the rest. */
  readonly share: number;
  /** The part that the two exchange; null where they are laid over each other. */
  readonly box: MixBox | null;
}

type Side = "height" | "width";

/** Where both ways of mixing are on, each is as likely as the other. */
const cutmixChance = 0.5;

/**
 * Draws how two images are mixed: `next` is uniform in (-1, 1), `beta` gives a value of Beta(a, a). The share of a box is
 * that of the pixels that it really leaves. Source: timm, data/mixup.py, Mixup with mode "pair" and correct_lam.
 */
export function drawMix(
  { mixup, cutmix }: Augment,
  input: Pick<Input, Side>,
  next: () => number,
  beta: (a: number) => number,
): Mix {
  const unit = (): number => (next() + 1) / 2;
  const cuts = mixup > 0 && cutmix > 0 ? unit() < cutmixChance : cutmix > 0;
  const share = beta(cuts ? cutmix : mixup);
  if (!cuts) return { share, box: null };
  const { height, width } = input;
  const [top, bottom] = side(height, share, unit());
  const [left, right] = side(width, share, unit());
  return { share: 1 - ((bottom - top) * (right - left)) / (height * width), box: { top, bottom, left, right } };
}

/** Begin and end of a box on an axis: around a place that is uniform, and as much of it as lies inside. */
function side(length: number, share: number, place: number): readonly [number, number] {
  const half = Math.floor(Math.trunc(length * Math.sqrt(1 - share)) / 2);
  const middle = Math.floor(place * length);
  return [Math.max(0, middle - half), Math.min(length, middle + half)];
}

/** Mixes two images [C, H, W] of the model's input in their place. */
export function mixImages(one: Float32Array, other: Float32Array, { height, width }: Input, { share, box }: Mix): void {
  if (box === null) {
    mixRows(one, other, share);
    return;
  }
  const { top, bottom, left, right } = box;
  for (let first = 0; first < one.length; first += height * width)
    for (let y = top; y < bottom; y++) {
      const [from, to] = [first + y * width + left, first + y * width + right];
      const kept = one.slice(from, to);
      one.set(other.subarray(from, to), from);
      other.set(kept, from);
    }
}

/** Mixes values in their place: each keeps its share of itself. */
export function mixRows<A extends Float32Array | Float64Array>(one: A, other: A, share: number): void {
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [one[i] as number, other[i] as number];
    one[i] = share * a + (1 - share) * b;
    other[i] = share * b + (1 - share) * a;
  }
}
