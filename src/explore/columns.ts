import { ownFigures, settingFigures, type Unit } from "./figures.ts";
import type { Estimate, Setting, Variant } from "./result.ts";

/** A figure that rows have: for tables, sorting and conditions. */
export interface Column {
  /** As options and CSV name it: `params`, `latency@h200`. */
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  readonly of: (variant: Variant) => number;
}

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
