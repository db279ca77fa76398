import { grouped } from "../../html/figures.ts";
import { lineChartStyle } from "../../html/line-chart.ts";
import { escapeHtml, page } from "../../html/page.ts";
import { type Figures, figureKinds } from "../validation/figures.ts";
import { accuracyChart, distanceChart, gradientChart, learningRateChart, lossChart } from "./charts.ts";
import type { History } from "./history.ts";
import { type Reconstructions, reconstructionStyle, reconstructionTable } from "./reconstructions.ts";

/** What the page of a run shows. */
export interface RunContent {
  readonly recipe: string;
  /** What is trained and how, a name and a value each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Steps of the whole run. */
  readonly steps: number;
  readonly history: History;
  /** Null where the model reconstructs nothing, or there are no pictures. */
  readonly reconstructions: Reconstructions | null;
}

/** Evaluations that stand in the table of figures. */
const mostRows = 40;

/** One HTML page that needs no network and no script: how a run goes, or went. */
export function runPage({ recipe, facts, steps, history, reconstructions }: RunContent): string {
  const done = history.steps.at(-1) ?? 0;
  return page({
    title: `Run of ${recipe}`,
    facts: [
      ["Steps", `${grouped(done)} of ${grouped(steps)}`],
      ...facts,
      ...(history.skipped.length === 0 ? [] : [["Skipped steps", grouped(history.skipped.length)] as const]),
    ],
    style: `${lineChartStyle}${reconstructionStyle}${style}`,
    body: [
      done === 0 ? "<p>No step is done yet.</p>" : lossSection(history),
      figuresSection(history),
      reconstructionsSection(reconstructions),
      distanceSection(history),
      done === 0 ? "" : optimizerSection(history),
    ]
      .filter(section => section !== "")
      .join("\n"),
  });
}

const lossSection = (history: History): string => `<section aria-labelledby="losses">
<h2 id="losses">Loss</h2>
${lossChart(history)}
</section>`;

function figuresSection(history: History): string {
  const rows = history.evaluations.filter(({ val }) => val !== undefined);
  if (rows.length === 0) return "";
  const left = rows.length <= mostRows ? "" : `, the last ${mostRows} of ${rows.length}`;
  const kinds = Object.entries(figureKinds).filter(([kind]) => rows.some(({ val }) => hasFigure(val, kind)));
  const ofBoth = rows.some(({ val_weights: weights }) => weights !== undefined);
  const heads = kinds.flatMap(([, [name]]) => (ofBoth ? [name, `${name}, weights`] : [name]));
  const lines = rows.slice(-mostRows).map(({ step, val, val_weights: weights }) => {
    const cells = kinds.flatMap(([kind, [, text]]) =>
      (ofBoth ? [val, weights] : [val]).map(figures => `<td>${figureText(figures, kind, text)}</td>`),
    );
    return `<tr><th scope="row">${grouped(step)}</th>${cells.join("")}</tr>`;
  });
  return `<section aria-labelledby="held-out">
<h2 id="held-out">Held-out pictures</h2>
<p>What the run was judged by after each checkpoint${ofBoth ? ": the average of the weights, and beside it the weights themselves" : ""}.</p>
${accuracyChart(history) ?? ""}
<details><summary>The figures${left}</summary>
<div class="scroll" role="region" aria-label="Figures" tabindex="0"><table class="figures"><thead><tr>${["steps", ...heads].map(head => `<th scope="col">${escapeHtml(head)}</th>`).join("")}</tr></thead>
<tbody>${lines.join("\n")}</tbody></table></div>
</details>
</section>`;
}

const hasFigure = (figures: Figures | undefined, kind: string): boolean =>
  figures?.[kind as keyof Figures] !== undefined;

function figureText(figures: Figures | undefined, kind: string, text: (value: number) => string): string {
  const value: number | null | undefined = figures?.[kind as keyof Figures];
  if (value === undefined) return "";
  return value !== null && Number.isFinite(value) ? text(value) : "not finite";
}

const reconstructionsSection = (reconstructions: Reconstructions | null): string =>
  reconstructions === null || reconstructions.columns.length === 0
    ? ""
    : `<section aria-labelledby="pictures">
<h2 id="pictures">Reconstructions</h2>
<p>The same pictures under the same masks, after more and more steps: kept patches as they are, removed ones as the model
predicts them. The first checkpoint stays, and the last ones.</p>
${reconstructionTable(reconstructions)}
</section>`;

function distanceSection(history: History): string {
  const chart = distanceChart(history);
  return chart === null
    ? ""
    : `<section aria-labelledby="collapse">
<h2 id="collapse">Feature collapse</h2>
<p>The mean cosine distance between the channels of each stage, over the kept patches of these pictures. Near 0, channels are
copies of one another; that is the collapse that global response normalisation is there to prevent. ½ is as far apart as they
get.</p>
${chart}
</section>`;
}

const optimizerSection = (history: History): string => `<section aria-labelledby="optimizer">
<h2 id="optimizer">Optimizer</h2>
${learningRateChart(history)}
${gradientChart(history)}
</section>`;

const style = `h2 { margin-bottom: 0.75rem; }
h2 + p { margin-top: -0.5rem; }
details { margin: 0 0 1rem; }
summary { cursor: pointer; width: fit-content; color: var(--soft); font-size: 0.875rem; }
summary:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
.figures { border-collapse: collapse; margin-top: 0.5rem; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.figures th, .figures td { padding: 0.125rem 1.25rem 0.125rem 0; text-align: right; font-weight: 400; white-space: nowrap; }
.figures thead th, .figures tbody th { color: var(--soft); }
`;
