import type { Validated } from "../validation/figures.ts";

/** What the log of a run says, column by column: a run has many steps. */
export interface History {
  /** How many steps had been done after each, its learning rate, its loss, and the norm of its gradients. */
  readonly steps: number[];
  readonly lr: number[];
  readonly loss: number[];
  readonly gradNorm: number[];
  /** Steps that changed nothing, as `steps` counts them. */
  readonly skipped: number[];
  readonly evaluations: Evaluation[];
}

/** What was seen after so many steps. */
export interface Evaluation extends Partial<Validated> {
  readonly step: number;
  /** Mean distance of the channels of each stage, by its path. */
  readonly channel_distance?: Readonly<Record<string, number>>;
}

export const noHistory = (): History => ({ steps: [], lr: [], loss: [], gradNorm: [], skipped: [], evaluations: [] });

type Point = readonly [x: number, y: number] | null;

/** A bin of a curve: where its numbers lie on average, and their mean; null where none is finite. */
export function binned(xs: readonly number[], ys: readonly number[], most: number): readonly Point[] {
  const [first = 0, last = 0] = [xs[0], xs.at(-1)];
  const bins = Math.min(most, xs.length);
  const sums = Array.from({ length: bins }, () => ({ count: 0, x: 0, y: 0 }));
  for (const [i, y] of ys.entries()) {
    const x = xs[i] as number;
    const sum = sums[Math.min(bins - 1, Math.floor(((x - first) / (last - first || 1)) * bins))];
    if (sum === undefined || !Number.isFinite(y)) continue;
    sum.count++;
    sum.x += x;
    sum.y += y;
  }
  return sums.map(({ count, x, y }) => (count === 0 ? null : [x / count, y / count]));
}

/** The part of a run over which a smoothed curve forgets. */
const memory = 1 / 40;

/** Each number with those before it, weighed the less the longer ago; what is not finite is passed over. */
export function smoothed(ys: readonly number[]): readonly number[] {
  const decay = 1 - 1 / Math.max(1, ys.length * memory);
  let [sum, weight] = [0, 0];
  return ys.map(y => {
    if (Number.isFinite(y)) [sum, weight] = [decay * sum + y, decay * weight + 1];
    return weight === 0 ? Number.NaN : sum / weight;
  });
}
