import { type Bound, bounds } from "../../predict.ts";
import type { KernelCost } from "../../profile.ts";
import type { Detail } from "../../result.ts";
import { boundTitles } from "../columns.ts";

/** A kernel of a variant, with what all of its launches take together. */
export interface KernelLine {
  readonly cost: KernelCost;
  readonly count: number;
  readonly seconds: number;
  readonly bound: Bound;
  /** Of one launch over the batch. */
  readonly bytes: number;
  readonly macs: number;
  /** Multiply-adds for each byte that it moves. */
  readonly intensity: number;
  /** Multiply-adds a second. */
  readonly rate: number;
}

/** The longest first. */
export const kernelLines = ({ profile, times }: Detail, batch: number): readonly KernelLine[] =>
  profile.kernels
    .map(({ cost, count }, i): KernelLine => {
      const { seconds = 0, bound = "launches" } = times[i] ?? {};
      const bytes = cost.fixed + cost.each * batch;
      const macs = cost.macs * batch;
      const rate = seconds === 0 ? 0 : (macs * count) / seconds;
      return { cost, count, seconds, bound, bytes, macs, intensity: bytes === 0 ? 0 : macs / bytes, rate };
    })
    .sort((a, b) => b.seconds - a.seconds);

export const total = (lines: readonly KernelLine[]): number => lines.reduce((sum, { seconds }) => sum + seconds, 0);

export interface Part {
  readonly title: string;
  readonly seconds: number;
}

function partsOf(lines: readonly KernelLine[], keyOf: (line: KernelLine) => string): ReadonlyMap<string, number> {
  const parts = new Map<string, number>();
  for (const line of lines) parts.set(keyOf(line), (parts.get(keyOf(line)) ?? 0) + line.seconds);
  return parts;
}

/** Seconds by what bounds the kernels that take them. */
export const byBound = (lines: readonly KernelLine[]): readonly Part[] => {
  const parts = partsOf(lines, ({ bound }) => bound);
  return bounds.map(bound => ({ title: boundTitles[bound], seconds: parts.get(bound) ?? 0 }));
};

/** Seconds by kind of kernel, the longest first. */
export const byKind = (lines: readonly KernelLine[]): readonly Part[] =>
  [...partsOf(lines, ({ cost }) => cost.kind)]
    .map(([title, seconds]) => ({ title, seconds }))
    .sort((a, b) => b.seconds - a.seconds);
