import { shown } from "../../diagnostics/escape.ts";
import { grouped } from "../../html/figures.ts";
import type { CastReport } from "../../weights/use/cast.ts";

/** How names and numbers of weights are shown to a person. */
export const few = (names: readonly string[]): string =>
  `${names
    .slice(0, 5)
    .map(name => shown(name))
    .join(", ")}${names.length > 5 ? `, and ${names.length - 5} more` : ""}`;

export const print = (value: number): string => (value === 0 ? "0" : value.toExponential(2));

/** Of a column of names as they are shown. */
export const widthOf = (rows: readonly { readonly name: string }[]): number =>
  Math.max(0, ...rows.map(({ name }) => shown(name).length));

const maxRows = 10;

/** What rounding did, the worst tensors first and all of them as a sum. */
export function castText(reports: readonly CastReport[]): string {
  const sum = (of: "elements" | "subnormal" | "zeroed" | "overflowed") =>
    grouped(reports.reduce((total, report) => total + report[of], 0));
  const sorted = [...reports].sort((a, b) => b.relL2 - a.relL2);
  const width = widthOf(sorted.slice(0, maxRows));
  const rows = sorted
    .slice(0, maxRows)
    .map(
      ({ name, maxAbs, relL2, subnormal, zeroed, overflowed }) =>
        `  ${shown(name).padEnd(width)}  max abs ${print(maxAbs)}  rel l2 ${print(relL2)}  subnormal ${grouped(subnormal)}` +
        `  to 0 ${grouped(zeroed)}  beyond ${grouped(overflowed)}\n`,
    );
  const more = sorted.length > maxRows ? `  and ${sorted.length - maxRows} more tensors\n` : "";
  const all = `  ${sum("elements")} values rounded: ${sum("subnormal")} subnormal, ${sum("zeroed")} to 0, ${sum("overflowed")} beyond the largest\n`;
  return reports.length === 0 ? "" : rows.join("") + more + all;
}
