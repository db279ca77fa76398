import { nearestOf } from "../../diagnostics/nearest.ts";
import { type Unit as Figures, ownFigures, perSecond, settingFigures } from "../figures.ts";
import type { Estimate, Exploration, Variant } from "../result.ts";

export type Cell = number | string | boolean | null;

/** What its numbers count; "text" where they are none. */
export type Unit = Figures | "text";

/** A column of the table; a number's may be an axis of the plot. */
export interface Column {
  /** As filters and `--front` name it: `params`, `latency@h200`. */
  readonly name: string;
  readonly title: string;
  /** The setting that it is about; "" where it is about the variant itself. */
  readonly group: string;
  readonly unit: Unit;
  readonly of: (variant: Variant) => Cell;
  /** The same, measured, where the column is predicted and measuring can tell. */
  readonly measured: ((variant: Variant) => number | null) | null;
}

type Shown = Pick<Column, "name" | "title" | "unit"> & {
  readonly of: (estimate: Estimate, batch: number) => Cell;
};

/** What a variant has under each setting, with what was measured and what bounds it. */
const shown: readonly Shown[] = settingFigures.flatMap((figure): readonly Shown[] => [
  figure,
  ...(figure.name === "latency"
    ? [{ name: "measured", title: "measured", unit: "ms", of: ({ measured }: Estimate) => measured } as const]
    : []),
]);
const bound: Shown = { name: "bound", title: "bound by", unit: "text", of: ({ bound }) => boundTitles[bound] };

/** What is predicted and can be measured, out of measured milliseconds. */
const measurable: Readonly<Record<string, (milliseconds: number, batch: number) => number>> = {
  latency: milliseconds => milliseconds,
  throughput: perSecond,
};

/** What bounds a time, in words. */
export const boundTitles: Readonly<Record<Estimate["bound"], string>> = {
  products: "matrix products",
  depthwise: "depthwise",
  values: "values",
  memory: "memory",
  launches: "launches",
};

/** Every column of an exploration: the axes of its sweep, what variants have anyway, what they have under each setting. */
export function columnsOf({ query, variants }: Exploration): readonly Column[] {
  const plain = { group: "", measured: null };
  const axes = query.axes.map(({ path }, i): Column => {
    const of = (variant: Variant): Cell => variant.values[i] ?? null;
    const isNumber = variants.every(variant => typeof of(variant) === "number");
    return { ...plain, name: path, title: path, unit: isNumber ? "" : "text", of };
  });
  const own = ownFigures.map(({ of, ...rest }): Column => ({ ...plain, ...rest, of: variant => of(variant, 1) }));
  const each = query.settings.flatMap(({ label, batch }, i) => {
    const isMeasured = variants.some(({ estimates }) => estimates[i]?.measured != null);
    return [...shown.filter(({ name }) => isMeasured || name !== "measured"), bound].map(
      ({ name, title, unit, of }): Column => {
        const told = isMeasured ? measurable[name] : undefined;
        return {
          name: `${name}@${label}`,
          title,
          group: label,
          unit,
          of: ({ estimates }) => of(estimates[i] as Estimate, batch),
          measured: told
            ? ({ estimates }) => {
                const milliseconds = estimates[i]?.measured ?? null;
                return milliseconds === null ? null : told(milliseconds, batch);
              }
            : null,
        };
      },
    );
  });
  return [...axes, ...own, ...each];
}

export const isNumeric = ({ unit }: Column): boolean => unit !== "text";

/** Where it is about a setting, with its name. */
export const fullTitle = ({ title, group }: Column): string => (group === "" ? title : `${title}, ${group}`);

/** By its name; without a setting, the first one's. `:max` and `:min` of a direction are no part of a name. */
export function columnNamed(columns: readonly Column[], written: string): Column | null {
  const name = written.replace(/:(min|max)$/, "");
  return columns.find(column => column.name === name) ?? columns.find(column => bareName(column) === name) ?? null;
}

const bareName = ({ name, group }: Column): string => (group === "" ? name : name.slice(0, -group.length - 1));

/** The name of a column that is most like what was written, or null. */
export const nearestColumn = (columns: readonly Column[], written: string): string | null =>
  nearestOf([...new Set(columns.flatMap(column => [column.name, bareName(column)]))])(written);

/** A variant in words: the value of each axis. */
export const describe = ({ query }: Exploration, { values }: Variant): string =>
  query.axes.map(({ path }, i) => `${path} ${values[i]}`).join(" · ");
