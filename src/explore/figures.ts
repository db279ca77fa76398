import type { Estimate, Variant } from "./result.ts";

/** What numbers count. */
export type Unit = "" | "B" | "ms" | "images/s";

/** Something that a number says about a variant. */
export interface Figure<T> {
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  readonly of: (of: T, batch: number) => number;
}

/** What a variant has whatever runs it. */
export const ownFigures: readonly Figure<Variant>[] = [
  { name: "params", title: "parameters", unit: "", of: ({ params }) => params },
  { name: "macs", title: "MACs", unit: "", of: ({ macs }) => macs },
  { name: "activations", title: "activations", unit: "", of: ({ activations }) => activations },
];

export const perSecond = (milliseconds: number, batch: number): number => (1000 * batch) / milliseconds;

/** What it has under each setting. */
export const settingFigures: readonly Figure<Estimate>[] = [
  { name: "latency", title: "latency", unit: "ms", of: ({ milliseconds }) => milliseconds },
  {
    name: "throughput",
    title: "throughput",
    unit: "images/s",
    of: ({ milliseconds }, batch) => perSecond(milliseconds, batch),
  },
  { name: "weights", title: "weights", unit: "B", of: ({ weightBytes }) => weightBytes },
  { name: "scratch", title: "scratch", unit: "B", of: ({ scratchBytes }, batch) => scratchBytes * batch },
  { name: "moved", title: "moved", unit: "B", of: ({ bytesMoved }) => bytesMoved },
  { name: "kernels", title: "kernels", unit: "", of: ({ kernels }) => kernels },
];
