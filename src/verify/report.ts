import { shown } from "../diagnostics/escape.ts";
import { escapeHtml, page } from "../html/page.ts";
import type { Comparison, ValueError } from "./compare.ts";

/** One executor's result, as a report shows it. */
export interface Judged {
  readonly name: string;
  /** What it ran on. */
  readonly on: string;
  readonly limit: number;
  readonly milliseconds: number;
  readonly whole: Comparison;
  readonly each: Comparison | null;
}

export interface ReportContent {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly judged: readonly Judged[];
  readonly skipped: readonly string[];
}

const short = (x: number): string => (Number.isFinite(x) ? x.toExponential(1) : "not finite");
const agreement = ({ top1 }: Comparison): string => (top1 === null ? "-" : `${top1.same}/${top1.of}`);
const named = (value: ValueError | null): string => (value === null ? "none" : `${value.name} ${short(value.relL2)}`);
const answer = ({ whole, each }: Judged): string => (whole.first === null && !each?.first ? "right" : "wrong");

const head = ["executor", "answer", "outputs", "top-1", "first off", "worst", "limit", "ms"];
const rowOf = (one: Judged): readonly string[] => [
  one.name,
  answer(one),
  short(one.whole.worst.relL2),
  agreement(one.whole),
  named(one.each?.first ?? one.whole.first),
  named(one.each?.worst ?? one.whole.worst),
  short(one.limit),
  one.milliseconds.toFixed(1),
];

/** The table for a terminal. Errors are relative in l2. */
export function textReport({ judged, skipped }: Pick<ReportContent, "judged" | "skipped">): string {
  return `${[...columns([head, ...judged.map(rowOf)]), ...skipped].join("\n")}\n`;
}

/** Every value that was compared, a column an executor. */
export function valuesReport({ judged }: Pick<ReportContent, "judged">): string {
  const compared = judged.map(({ whole, each }) => (each ?? whole).values);
  const rows = (compared[0] ?? []).map(({ name, shape }, i) => [
    name,
    `[${shape.join(", ")}]`,
    ...compared.map(values => short(values[i]?.relL2 ?? Number.NaN)),
  ]);
  return `${columns([["value", "shape", ...judged.map(({ name }) => name)], ...rows]).join("\n")}\n`;
}

/** Rows of cells as lines, each column as wide as its longest cell. A cell is data, whatever is in it. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const cells = rows.map(row => row.map(cell => shown(cell)));
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...cells.map(row => (row[i] as string).length)));
  return cells.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join("  ")
      .trimEnd(),
  );
}

/** One HTML page: the same table, and for each executor every value with its error on a logarithmic scale. */
export const htmlReport = ({ title, facts, judged, skipped }: ReportContent): string =>
  page({
    title,
    facts,
    style,
    body: [
      `<section aria-labelledby="executors"><h2 id="executors">Executors</h2>`,
      `<p>Against the float64 reference on the same weights and inputs. Errors are ‖found − wanted‖ / ‖wanted‖; an answer is right where no value is farther off than its limit.</p>`,
      `<div class="sheet scroll"><table><thead><tr>${head.map(cell => `<th scope="col">${cell}</th>`).join("")}</tr></thead><tbody>`,
      ...judged.map(
        one =>
          `<tr class="${answer(one)}">${rowOf(one)
            .map(cell => `<td>${escapeHtml(cell)}</td>`)
            .join("")}</tr>`,
      ),
      `</tbody></table></div>`,
      ...skipped.map(line => `<p class="note">${escapeHtml(line)}</p>`),
      `</section>`,
      ...judged.map(sectionOf),
    ].join("\n"),
  });

function sectionOf({ name, on, limit, whole, each }: Judged, index: number): string {
  const rows = (each ?? whole).values.map(
    ({ name, shape, relL2, maxDifference, right }) =>
      `<tr class="${right ? "right" : "wrong"}"><th scope="row">${escapeHtml(name)}</th><td>[${shape.join(", ")}]</td>` +
      `<td>${short(relL2)}</td><td>${short(maxDifference)}</td>` +
      `<td class="bar"><span style="width:${share(relL2)}%"></span><i style="left:${share(limit)}%"></i></td></tr>`,
  );
  return [
    `<section aria-labelledby="e${index}"><h2 id="e${index}">${escapeHtml(name)}</h2>`,
    `<p>On ${escapeHtml(on)}. ${each === null ? "Outputs alone." : "Every module as an output, in the order of the network."} The line is the limit, ${short(limit)}; bars go from 1e-9 to 1.</p>`,
    `<div class="sheet scroll"><table><thead><tr><th scope="col">value</th><th scope="col">shape</th><th scope="col">relative</th><th scope="col">largest</th><th scope="col">error</th></tr></thead><tbody>`,
    ...rows,
    `</tbody></table></div></section>`,
  ].join("\n");
}

/** Per cent of a bar for an error from 1e-9 to 1; what is not finite fills it. */
const share = (error: number): string => {
  const decades = Number.isFinite(error) ? Math.log10(Math.max(error, 1e-9)) + 9 : 9;
  return ((100 * Math.min(decades, 9)) / 9).toFixed(1);
};

const style = `main { max-width: 72rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; white-space: nowrap; font-weight: 400; }
thead th { color: var(--soft); font-size: 0.8125rem; border-bottom: 1px solid var(--line); }
tr.wrong th, tr.wrong td { color: var(--wrong); }
td.bar { position: relative; width: 40%; min-width: 8rem; }
td.bar span { display: block; height: 0.625rem; background: var(--bar); border-radius: 0.25rem; min-width: 2px; }
tr.wrong td.bar span { background: var(--wrong); }
td.bar i { position: absolute; top: 0.125rem; bottom: 0.125rem; border-left: 1.5px solid var(--dot); }
.note { font-size: 0.8125rem; }
`;
