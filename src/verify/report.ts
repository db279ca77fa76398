import { shown } from "../diagnostics/escape.ts";
import { escapeHtml, page } from "../html/page.ts";
import { type Answer, answerOf, type Comparison, type ValueError } from "./compare.ts";

/** One executor's result, as a report shows it. */
export interface Judged {
  readonly name: string;
  /** What it ran on. */
  readonly on: string;
  readonly limit: number;
  readonly milliseconds: number;
  readonly whole: Comparison;
  readonly each: Comparison | null;
  /** Against values that were recorded; null where there are none. */
  readonly recorded: Comparison | null;
}

/** Values that were recorded elsewhere, and how the float64 reference compares with them. */
export interface Recorded {
  readonly file: string;
  readonly limit: number;
  readonly reference: Comparison;
}

export interface ReportContent {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly judged: readonly Judged[];
  readonly recorded: Recorded | null;
  readonly skipped: readonly string[];
}

const short = (x: number): string => (Number.isFinite(x) ? x.toExponential(1) : "not finite");
const agreement = ({ top1 }: Comparison): string => (top1 === null ? "-" : `${top1.same}/${top1.of}`);
/** An error of a value that is comparable at all. */
export const errorOf = ({ relL2, answer }: ValueError): string => (answer === "NaN in both" ? "NaN" : short(relL2));
const named = (value: ValueError | null): string => (value === null ? "none" : `${value.name} ${errorOf(value)}`);

const head = ["executor", "answer", "outputs", "top-1", "first off", "worst", "limit", "ms"];
const rowOf = ({ name, whole, each, limit, milliseconds }: Judged): readonly string[] => [
  name,
  answerOf([whole, each]),
  errorOf(whole.worst),
  agreement(whole),
  named(each?.first ?? whole.first),
  named(each?.worst ?? whole.worst),
  short(limit),
  milliseconds.toFixed(1),
];

const recordedHead = ["executor", "answer", "values", "top-1", "first off", "worst", "limit"];
type RecordedRow = Pick<Judged, "name" | "limit"> & { readonly recorded: Comparison };

/** The reference first: where that is off, the spec or the weights are not those of what was recorded. */
function recordedRows({ judged, recorded }: Pick<ReportContent, "judged" | "recorded">): readonly RecordedRow[] {
  if (recorded === null) return [];
  const { reference, limit } = recorded;
  const others = judged.flatMap(({ name, limit, recorded }) => (recorded === null ? [] : [{ name, limit, recorded }]));
  return [{ name: "reference", limit, recorded: reference }, ...others];
}

const recordedCells = ({ name, limit, recorded }: RecordedRow): readonly string[] => [
  name,
  answerOf([recorded]),
  `${recorded.values.length}`,
  agreement(recorded),
  named(recorded.first),
  named(recorded.worst),
  short(limit),
];

/** The table for a terminal. Errors are relative in l2. */
export function textReport(content: Pick<ReportContent, "judged" | "recorded" | "skipped">): string {
  const { judged, recorded, skipped } = content;
  const rows = recordedRows(content).map(recordedCells);
  const beside = recorded && ["", `against ${shown(recorded.file)}:`, ...columns([recordedHead, ...rows])];
  return `${[...columns([head, ...judged.map(rowOf)]), ...(beside ?? []), ...skipped].join("\n")}\n`;
}

/** Every value that was compared, a column an executor. */
export function valuesReport({ judged }: Pick<ReportContent, "judged">): string {
  const compared = judged.map(({ whole, each }) => (each ?? whole).values);
  const rows = (compared[0] ?? []).map(({ name, shape }, i) => [
    name,
    `[${shape.join(", ")}]`,
    ...compared.map(values => (values[i] === undefined ? short(Number.NaN) : errorOf(values[i]))),
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

/** One HTML page: the same tables, and for each executor every value with its error on a logarithmic scale. */
export const htmlReport = (content: ReportContent): string => {
  const { title, facts, judged, skipped } = content;
  return page({
    title,
    facts,
    style,
    body: [
      `<section aria-labelledby="executors"><h2 id="executors">Executors</h2>`,
      `<p>Against the float64 reference on the same weights and inputs. Errors are ‖found − wanted‖ / ‖wanted‖; an answer is right where no value is farther off than its limit, and none is NaN.</p>`,
      table(
        head,
        judged.map(one => ({ answer: answerOf([one.whole, one.each]), cells: rowOf(one) })),
      ),
      ...skipped.map(line => `<p class="note">${escapeHtml(line)}</p>`),
      `</section>`,
      ...recordedSection(content),
      ...judged.map(sectionOf),
    ].join("\n"),
  });
};

const table = (
  titles: readonly string[],
  rows: readonly { readonly answer: Answer; readonly cells: readonly string[] }[],
): string =>
  [
    `<div class="sheet scroll"><table><thead><tr>${titles.map(title => `<th scope="col">${escapeHtml(title)}</th>`).join("")}</tr></thead><tbody>`,
    ...rows.map(
      ({ answer, cells }) =>
        `<tr class="${classOf(answer)}">${cells.map(cell => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
    ),
    `</tbody></table></div>`,
  ].join("\n");

const classOf = (answer: Answer): string => (answer === "right" ? "right" : "wrong");

/** What was recorded: who agrees with it, and every value, a column an executor. */
function recordedSection(content: ReportContent): readonly string[] {
  const rows = recordedRows(content);
  const [reference] = rows;
  if (content.recorded === null || reference === undefined) return [];
  const values = reference.recorded.values.map(({ name, shape }, i) => {
    const found = rows.flatMap(({ recorded }) => recorded.values[i] ?? []);
    const answer = found.find(({ answer }) => answer !== "right")?.answer ?? "right";
    return { answer, cells: [name, `[${shape.join(", ")}]`, ...found.map(errorOf)] };
  });
  return [
    `<section aria-labelledby="recorded"><h2 id="recorded">Recorded values</h2>`,
    `<p>Against ${escapeHtml(content.recorded.file)}. Where the reference is off, the spec or the weights are not those of what was recorded.</p>`,
    table(
      recordedHead,
      rows.map(row => ({ answer: answerOf([row.recorded]), cells: recordedCells(row) })),
    ),
    table(["value", "shape", ...rows.map(({ name }) => name)], values),
    `</section>`,
  ];
}

function sectionOf({ name, on, limit, whole, each }: Judged, index: number): string {
  const limitShare = shareOf(limit);
  const rows = (each ?? whole).values.map(
    value =>
      `<tr class="${classOf(value.answer)}"><th scope="row">${escapeHtml(value.name)}</th><td>[${value.shape.join(", ")}]</td>` +
      `<td>${errorOf(value)}</td><td>${short(value.maxDifference)}</td>` +
      `<td class="bar"><span style="width:${share(value)}%"></span><i style="left:${limitShare}%"></i></td></tr>`,
  );
  return [
    `<section aria-labelledby="e${index}"><h2 id="e${index}">${escapeHtml(name)}</h2>`,
    `<p>On ${escapeHtml(on)}. ${each === null ? "Outputs alone." : "Every module as an output, in the order of the network."} The line is the limit, ${short(limit)}; bars go from 1e-9 to 1.</p>`,
    `<div class="sheet scroll"><table><thead><tr><th scope="col">value</th><th scope="col">shape</th><th scope="col">relative</th><th scope="col">largest</th><th scope="col">error</th></tr></thead><tbody>`,
    ...rows,
    `</tbody></table></div></section>`,
  ].join("\n");
}

/** Per cent of a bar for an error; NaN in both fills it. */
const share = ({ relL2, answer }: ValueError): string => shareOf(answer === "NaN in both" ? Number.NaN : relL2);

/** The same from 1e-9 to 1; what is not finite fills it. */
const shareOf = (error: number): string => {
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
