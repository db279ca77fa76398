import { textTable } from "../html/text-table.ts";
import { columnsOf } from "./columns.ts";
import type { Exploration, Variant } from "./result.ts";

/** RFC 4180: a cell with a comma or quote stands in quotes. */
const cell = (value: unknown): string => {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A line for each variant, with every figure in its basic unit: bytes, milliseconds, images a second. */
export function csvOf({ query, variants, front }: Exploration): string {
  const columns = columnsOf(query.settings);
  const bounds = query.settings.map(({ label }) => `bound@${label}`);
  const measured = query.settings.map(({ label }) => `measured@${label}`);
  const head = [
    "index",
    ...query.axes.map(({ path }) => path),
    ...columns.map(({ name }) => name),
    ...bounds,
    ...measured,
    "front",
  ];
  const best = new Set(front);
  const lines = variants.map(variant =>
    [
      variant.index,
      ...variant.values,
      ...columns.map(({ of }) => Number(of(variant).toPrecision(8))),
      ...variant.estimates.map(({ bound }) => bound),
      ...variant.estimates.map(estimate => estimate.measured ?? ""),
      best.has(variant.index) ? 1 : 0,
    ]
      .map(cell)
      .join(","),
  );
  return `${[head.map(cell).join(","), ...lines].join("\n")}\n`;
}

const prefixes: readonly (readonly [number, string])[] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
];

/** `3.71 M`, `812`: three digits and a prefix. */
export function short(value: number): string {
  const [scale, prefix] = prefixes.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  const scaled = value / scale;
  const text = Number.isInteger(scaled) && scaled < 1000 ? `${scaled}` : scaled.toPrecision(3);
  return prefix === "" ? text : `${text} ${prefix}`;
}

/** Rows that a terminal shows, where the whole has more. */
export const shownRows = 20;

/** The first rows for a terminal: axes, sizes, and what each setting takes. */
export function tableOf({ query, variants, front }: Exploration, rows: readonly Variant[]): string {
  const best = new Set(front);
  const isMeasured = variants.some(({ estimates }) => estimates.some(({ measured }) => measured !== null));
  const figure = (name: string) => ({ name, figures: true });
  const columns = [
    { name: "" },
    ...[...query.axes.map(({ path }) => path), "params", "MACs"].map(figure),
    ...query.settings.flatMap(({ label }) => [figure(`ms ${label}`), { name: "bound by" }]),
    ...(isMeasured ? [figure("measured")] : []),
  ];
  const lines = rows.map(variant => [
    best.has(variant.index) ? "*" : "",
    ...variant.values.map(String),
    short(variant.params),
    short(variant.macs),
    ...variant.estimates.flatMap(({ milliseconds, bound }) => [milliseconds.toPrecision(3), bound]),
    ...variant.estimates.filter(({ measured }) => measured !== null).map(({ measured }) => `${measured} ms`),
  ]);
  return textTable(columns, lines)
    .map(line => `${line}\n`)
    .join("");
}
