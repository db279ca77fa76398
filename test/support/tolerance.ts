import { expect } from "vitest";

/** Recorded tensor of a golden file; see test/golden/README.md. */
export interface Recorded {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly l2: number;
  readonly at: readonly number[];
  readonly values: readonly number[];
}

/** Limits for a float32 backend, from "Tolerances" of test/golden/README.md. */
export const float32 = {
  logitsRelL2: 1e-5,
  logit: 5e-5,
  l2: 1e-5,
  std: 1e-5,
  mean: 1e-5,
  sample: 5e-5,
} as const;
type Limits = { readonly [K in keyof typeof float32]: number };

/** `micro-offset` alone has ten times these limits. */
export const limitsOf = (golden: string): Limits =>
  golden.includes("offset")
    ? (Object.fromEntries(Object.entries(float32).map(([key, value]) => [key, 10 * value])) as unknown as Limits)
    : float32;

export function relL2(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += ((found[i] as number) - (wanted[i] as number)) ** 2;
    norm += (wanted[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}

const rmsOf = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum / values.length);
};

/** Largest difference over the rms of `wanted`. */
export function worst(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const off = Math.abs((found[i] as number) - (wanted[i] as number));
    most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(most, off);
  }
  return most / rmsOf(wanted);
}

export function expectLogits(found: ArrayLike<number>, wanted: ArrayLike<number>, limits: Limits = float32): void {
  expect(relL2(found, wanted)).toBeLessThan(limits.logitsRelL2);
  expect(worst(found, wanted)).toBeLessThan(limits.logit);
}

export function expectTap(name: string, found: ArrayLike<number>, recorded: Recorded, limits: Limits = float32): void {
  const n = found.length;
  expect(n, name).toBe(recorded.shape.reduce((a, b) => a * b, 1));
  let [sum, squares] = [0, 0];
  for (let i = 0; i < n; i++) {
    sum += found[i] as number;
    squares += (found[i] as number) ** 2;
  }
  const mean = sum / n;
  const rms = recorded.l2 / Math.sqrt(n);
  expect(Math.abs(Math.sqrt(squares) / recorded.l2 - 1), `${name} l2`).toBeLessThan(limits.l2);
  expect(Math.abs(mean - recorded.mean) / rms, `${name} mean`).toBeLessThan(limits.mean);
  const std = Math.sqrt(Math.max(0, squares / n - mean ** 2));
  expect(Math.abs(std / recorded.std - 1), `${name} std`).toBeLessThan(limits.std);
  recorded.at.forEach((index, i) => {
    const off = Math.abs((found[index] as number) - (recorded.values[i] as number)) / rms;
    expect(off, `${name}[${index}]`).toBeLessThan(limits.sample);
  });
}

/** The classes of the `count` largest logits of each image, the largest first. */
export function topClasses(logits: ArrayLike<number>, images: number, count: number): readonly (readonly number[])[] {
  const classes = logits.length / images;
  return Array.from({ length: images }, (_, image) => {
    const row = Array.from({ length: classes }, (_, i) => logits[image * classes + i] as number);
    const order = row.map((_, i) => i).sort((a, b) => (row[b] as number) - (row[a] as number));
    return order.slice(0, count);
  });
}
