import type { Estimate, Setting, Variant } from "./result.ts";

/** A figure that rows have: for tables, sorting and conditions. */
export interface Column {
  /** As options and CSV name it: `params`, `latency@h200`. */
  readonly name: string;
  readonly title: string;
  readonly unit: "" | "B" | "ms" | "images/s";
  readonly of: (variant: Variant) => number;
}

interface Figure<T> {
  readonly name: string;
  readonly title: string;
  readonly unit: Column["unit"];
  readonly of: (of: T, batch: number) => number;
}

/** What a variant has whatever runs it. */
const ownFigures: readonly Figure<Variant>[] = [
  { name: "params", title: "parameters", unit: "", of: ({ params }) => params },
  { name: "macs", title: "MACs", unit: "", of: ({ macs }) => macs },
  { name: "activations", title: "activations", unit: "", of: ({ activations }) => activations },
];

/** What it has under each setting. */
const settingFigures: readonly Figure<Estimate>[] = [
  { name: "latency", title: "latency", unit: "ms", of: ({ milliseconds }) => milliseconds },
  {
    name: "throughput",
    title: "throughput",
    unit: "images/s",
    of: ({ milliseconds }, batch) => (1000 * batch) / milliseconds,
  },
  { name: "weights", title: "weights", unit: "B", of: ({ weightBytes }) => weightBytes },
  { name: "scratch", title: "scratch", unit: "B", of: ({ scratchBytes }, batch) => scratchBytes * batch },
  { name: "moved", title: "moved", unit: "B", of: ({ bytesMoved }) => bytesMoved },
  { name: "kernels", title: "kernels", unit: "", of: ({ kernels }) => kernels },
];

/** Every column of a run, in order. A figure of the first setting has its plain name too. */
export function columnsOf(settings: readonly Setting[]): readonly Column[] {
  const own = ownFigures.map(({ of, ...rest }): Column => ({ ...rest, of: variant => of(variant, 1) }));
  const each = settings.flatMap(({ label, batch }, i) =>
    settingFigures.map(
      ({ name, title, unit, of }): Column => ({
        name: `${name}@${label}`,
        title: `${title} ${label}`,
        unit,
        of: ({ estimates }) => of(estimates[i] as Estimate, batch),
      }),
    ),
  );
  return [...own, ...each];
}

/** By its name; without a setting, the first one's. */
export const columnNamed = (columns: readonly Column[], name: string): Column | null =>
  columns.find(column => column.name === name) ?? columns.find(column => column.name.startsWith(`${name}@`)) ?? null;
