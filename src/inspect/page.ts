import { bytesText, grouped } from "../html/figures.ts";
import { memoryTimeline, memoryTimelineStyle } from "../html/memory-timeline.ts";
import { escapeHtml, page } from "../html/page.ts";
import { stageRows, stageRowsStyle } from "../html/stage-rows.ts";
import type { Change, Lines } from "./changes.ts";
import type { FoldedLine } from "./fold.ts";
import { batchText } from "./info-text.ts";
import type { Inspection } from "./inspect.ts";
import { changeHeadline, runsOfKernel } from "./inspect-text.ts";
import { aliveBytes, bytesMovedBy, type Operand, type Run } from "./runs.ts";
import type { KernelSource } from "./sources.ts";
import type { Summary } from "./summary.ts";

/** One HTML page that needs no network and no script: stages, passes, kernels with their text, memory. */
export const inspectPage = (inspection: Inspection): string =>
  page({
    title: `${inspection.summary.name}, inspected`,
    facts: factsOf(inspection.summary),
    style: `${style}${stageRowsStyle}${memoryTimelineStyle}`,
    body: [
      contents,
      stagesSection(inspection),
      passesSection(inspection),
      kernelsSection(inspection),
      memorySection(inspection),
    ].join("\n"),
  });

const factsOf = (summary: Summary): readonly (readonly [name: string, value: string])[] => {
  const { target, dtype, batch, input, head, total, weightBytes, scratchBytes } = summary;
  return [
    ["target", `${target} ${dtype}`],
    ["a pass", batchText(batch)],
    ["input", `${input.height} × ${input.width} × ${input.channels}`],
    ["head", head],
    ["parameters", grouped(total.parameters)],
    ["multiply-adds", grouped(total.macs)],
    ["kernels", `${total.kernels}`],
    ["bytes moved", bytesText(total.bytes)],
    ["weights", bytesText(weightBytes)],
    ["scratch at its peak", bytesText(scratchBytes)],
  ];
};

const sections = [
  ["stages", "Stages"],
  ["passes", "Passes"],
  ["kernels", "Kernels"],
  ["memory", "Scratch memory"],
] as const;

const contents = `<nav aria-label="Contents">${sections.map(([id, name]) => `<a href="#${id}">${name}</a>`).join("")}</nav>`;

const section = (index: number, text: string, body: readonly string[]): string => {
  const [id, name] = sections[index] as (typeof sections)[number];
  return `<section aria-labelledby="${id}"><h2 id="${id}">${name}</h2>\n<p>${text}</p>\n${body.join("\n")}\n</section>`;
};

/** A table that scrolls by itself where it is wider than the page. Cells are text; the first of a row is its name. */
const table = (label: string, heads: readonly string[], rows: readonly (readonly string[])[], figuresFrom: number) => {
  const kind = (i: number): string => (i >= figuresFrom ? ' class="figure"' : "");
  return [
    `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table>`,
    `<thead><tr>${heads.map((head, i) => `<th scope="col"${kind(i)}>${escapeHtml(head)}</th>`).join("")}</tr></thead><tbody>`,
    ...rows.map(
      row =>
        `<tr>${row
          .map((cell, i) =>
            i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td${kind(i)}>${escapeHtml(cell)}</td>`,
          )
          .join("")}</tr>`,
    ),
    "</tbody></table></div>",
  ].join("\n");
};

const details = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>\n<div class="inside">\n${body}\n</div></details>`;

/** Details one below the other on a sheet. */
const folded = (...all: readonly string[]): string => `<div class="sheet folded">\n${all.join("\n")}\n</div>`;

function stagesSection({ summary: { parts, total } }: Inspection): string {
  const shapes = parts.flatMap(({ name, map, blocks }) =>
    map === null || blocks === null ? [] : [{ name, ...map, blocks: blocks.count, kernel: blocks.kernel }],
  );
  const measures = [
    ["parameters", "parameters", grouped],
    ["multiply-adds", "macs", grouped],
    ["bytes moved", "bytes", bytesText],
  ] as const;
  const rows = parts.map(part => {
    const cells = measures.map(
      ([, of, text]) => `<td class="figure">${text(part[of])}${share(part[of], total[of])}</td>`,
    );
    return `<tr><th scope="row">${escapeHtml(part.name)}</th><td class="figure">${part.kernels}</td>${cells.join("")}</tr>`;
  });
  return section(
    0,
    "Each stage drawn to one scale: as high as its map has rows, as wide as it has channels, a slab a block. Below is where the work of a pass is; a stage counts the downsampling before it.",
    [
      `<div class="sheet">${stageRows(shapes)}</div>`,
      `<div class="sheet scroll" tabindex="0" role="region" aria-label="Costs by stage"><table class="costs"><thead><tr><th scope="col">part</th><th scope="col" class="figure">kernels</th>${measures.map(([name]) => `<th scope="col" class="figure">${name}</th>`).join("")}</tr></thead><tbody>`,
      ...rows,
      "</tbody></table></div>",
    ],
  );
}

/** A bar for a part of a whole. */
const share = (part: number, whole: number): string =>
  `<span class="share" aria-hidden="true"><i style="width:${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)}%"></i></span>`;

const passesSection = ({ built, changes }: Inspection): string =>
  section(
    1,
    "What each pass changed in the graph. Lines of equal blocks come once: <code>{j}</code> stands for the block and <code>{j-1}</code> for the one before it. A grouping pass changes no value; it says which nodes one kernel computes together.",
    [
      folded(
        details(`<b>as built</b><span class="what">${built.count} nodes</span>`, graphBlock(built)),
        ...changes.map(change =>
          details(
            `<b>${escapeHtml(change.pass)}</b><span class="what">${escapeHtml(changeHeadline(change))}</span>`,
            changeBlock(change),
          ),
        ),
      ),
    ],
  );

function changeBlock({ summary, reasons, added, removed, rewired, grouped: made, after }: Change): string {
  const kinds: readonly (readonly [name: string, mark: string, lines: Lines])[] = [
    ["Added", "+", added],
    ["Removed", "−", removed],
    ["Changed", "~", rewired],
    ["Computed together", "=", made],
  ];
  return [
    `<p>${escapeHtml(summary)}.</p>`,
    ...reasons.map(reason => `<p class="note">${escapeHtml(reason)}</p>`),
    ...kinds
      .filter(([, , { count }]) => count > 0)
      .map(
        ([name, mark, { count, lines }]) =>
          `<h3>${name} <span>${count}</span></h3>\n<ul class="lines">${lines.map(line => lineItem(line, mark)).join("\n")}</ul>`,
      ),
    `<details class="inner"><summary>The whole graph after it <span class="what">${after.count} nodes</span></summary>${graphBlock(after)}</details>`,
  ].join("\n");
}

const graphBlock = ({ lines }: Lines): string =>
  `<ul class="lines">${lines.map(line => lineItem(line, "")).join("\n")}</ul>`;

function lineItem({ text, blocks }: FoldedLine, mark: string): string {
  const [first = "", ...rest] = text.split("\n");
  const where = blocks === null ? "" : ` <small>for j = ${escapeHtml(blocks)}</small>`;
  const becomes = rest.map(line => `<br>⟶ ${escapeHtml(line)}`).join("");
  return `<li>${mark === "" ? "" : `<b>${mark}</b>`}${escapeHtml(first)}${becomes}${where}</li>`;
}

function kernelsSection({ runs: { runs, memory }, sources, summary }: Inspection): string {
  const images = summary.batch.max;
  const alive = aliveBytes(memory);
  const rows = runs.map((run, i) => [
    run.name,
    run.kind,
    run.grid,
    run.group,
    `${i + 1}`,
    grouped(images * run.macs),
    bytesText(bytesMovedBy(run, images)),
    bytesText(images * (alive[i] ?? 0)),
  ]);
  return section(
    2,
    `${runs.length} kernels a pass, ${sources.kernels.length} of them different, in the order of their first run. Bars are shares of the whole pass.`,
    [
      folded(
        ...sources.kernels.map((source, i) => kernelDetails(source, runsOfKernel(sources.ofRun, i), runs, summary)),
      ),
      folded(
        details(
          `<b>every step in order</b><span class="what">${runs.length} runs</span>`,
          table("Every step in order", stepColumns, rows, 4),
        ),
        details(
          `<b>the rest of the text</b><span class="what">${escapeHtml(sources.rest)}</span>`,
          sources.others
            .map(
              ({ name, code }) =>
                `<details class="inner"><summary>${escapeHtml(name)}</summary>${codeBlock(name, code)}</details>`,
            )
            .join("\n"),
        ),
      ),
    ],
  );
}

const stepColumns = ["name", "kernel", "grid", "threads", "step", "multiply-adds", "bytes moved", "scratch alive"];

function kernelDetails(
  { name, code }: KernelSource,
  own: readonly number[],
  runs: readonly Run[],
  { batch, total }: Summary,
): string {
  const made = own.map(at => runs[at] as Run);
  const [first] = made;
  if (first === undefined) return "";
  const macs = batch.max * made.reduce((sum, run) => sum + run.macs, 0);
  const bytes = made.reduce((sum, run) => sum + bytesMovedBy(run, batch.max), 0);
  const head = [
    `<b>${escapeHtml(name)}</b><span class="what">${escapeHtml(first.kind)}${own.length > 1 ? `, ${own.length} runs` : ""}</span>`,
    `<span class="cost">${share(macs, total.macs)}${grouped(macs)} MACs</span>`,
    `<span class="cost">${share(bytes, total.bytes)}${bytesText(bytes)}</span>`,
  ].join("");
  const facts = [
    ["runs", own.map(at => `${at + 1}`).join(", ")],
    ["grid", first.grid],
    ["threads", first.group],
    ...first.params,
  ];
  return details(
    `<span class="kernel">${head}</span>`,
    [
      `<dl class="params">${facts.map(([key = "", value = ""]) => `<div><dt>${escapeHtml(key)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>`,
      table("Operands of its first run", ["operand", "access", "value", "bytes"], first.operands.map(operandRow), 3),
      codeBlock(name, code),
    ].join("\n"),
  );
}

const operandRow = ({ role, access, value, bytes, perImage }: Operand): readonly string[] => [
  role,
  access,
  value,
  `${grouped(bytes)}${perImage ? " an image" : ""}`,
];

const codeBlock = (name: string, code: string): string =>
  `<pre tabindex="0" role="region" aria-label="Text of ${escapeHtml(name)}"><code>${escapeHtml(code.trimEnd())}</code></pre>`;

function memorySection({ runs: { memory } }: Inspection): string {
  const rows = memory.buffers.map(({ name, arena, offset, bytes, from, to }) => [
    name,
    `${arena}`,
    grouped(offset),
    grouped(bytes),
    `${from + 1}`,
    `${to + 1}`,
  ]);
  return section(
    3,
    "Of one image, drawn to scale: steps from left to right, bytes downwards. A rectangle is a value, from the step that writes it to the last one that reads it; those that are not alive together share bytes.",
    [
      `<div class="sheet scroll" tabindex="0" role="region" aria-label="Scratch memory">${memoryTimeline(memory)}</div>`,
      folded(
        details(
          `<b>every buffer</b><span class="what">${rows.length} values</span>`,
          table("Every buffer", ["value", "arena", "offset", "bytes", "from step", "to step"], rows, 1),
        ),
      ),
    ],
  );
}

const style = `main { max-width: 72rem; }
h3 { margin: 1.25rem 0 0.25rem; font-size: 0.875rem; font-weight: 600; }
h3 span { color: var(--soft); font-weight: 400; font-variant-numeric: tabular-nums; }
nav { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin: 2rem 0 0; }
a { color: var(--bar); text-underline-offset: 0.2em; }
:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; border-radius: 0.25rem; }
code, pre, .lines { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.8125rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
th, td { text-align: left; padding: 0.25rem 1rem 0.25rem 0; white-space: nowrap; font-weight: 400; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: 0.8125rem; border-bottom: 1px solid var(--line); }
.figure { text-align: right; }
.costs td { padding-left: 1rem; }
.share { display: block; height: 0.375rem; margin-top: 0.125rem; background: var(--line); border-radius: 0.125rem; overflow: hidden; }
.share i { display: block; height: 100%; background: var(--bar); }
.folded { padding: 0; }
.folded > details + details { border-top: 1px solid var(--line); }
summary { cursor: pointer; padding: 0.625rem 1rem; }
summary b { font-weight: 600; overflow-wrap: anywhere; }
.what { margin-left: 0.75rem; color: var(--soft); font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.inside { padding: 0 1rem 1.25rem 2rem; }
.inside p { margin: 0.5rem 0; }
.kernel { display: inline-grid; width: calc(100% - 1.5rem); grid-template-columns: 1fr 11rem 7rem; gap: 0 1.5rem; align-items: end; vertical-align: top; }
.kernel > b { grid-column: 1; grid-row: 1; }
.kernel > .what { grid-column: 1; grid-row: 2; margin: 0; }
.cost { grid-row: 1 / span 2; display: flex; flex-direction: column-reverse; gap: 0.25rem; text-align: right; font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap; align-self: center; }
.params { gap: 0.5rem 2rem; margin: 0.5rem 0 1rem; font-size: 0.875rem; }
pre { margin: 1rem 0 0; padding: 1rem; overflow-x: auto; background: var(--ground); border: 1px solid var(--line); border-radius: 0.5rem; line-height: 1.45; tab-size: 2; }
.lines { list-style: none; margin: 0.25rem 0; padding: 0; line-height: 1.45; }
.lines li { padding: 0.125rem 0 0.125rem 1.25rem; text-indent: -1.25rem; overflow-wrap: anywhere; }
.lines b { display: inline-block; width: 1.25rem; text-indent: 0; color: var(--bar); font-weight: 700; }
.lines small { color: var(--soft); font-size: inherit; }
.inner { margin-top: 1rem; }
.inner > summary { padding: 0.25rem 0; color: var(--bar); overflow-wrap: anywhere; }
.note { font-size: 0.875rem; }
@media (max-width: 44rem) {
  .inside { padding-left: 1rem; }
  .kernel { grid-template-columns: 10.5rem 1fr; row-gap: 0.25rem; }
  .kernel > b, .kernel > .what { grid-column: 1 / -1; }
  .cost { grid-row: 3; text-align: left; }
}
@media print {
  nav { display: none; }
  pre { white-space: pre-wrap; }
  .scroll, pre { overflow: visible; }
  .memory { min-width: 0; }
  summary, tr, .lines li { break-inside: avoid; }
}
`;
