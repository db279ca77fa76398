import { reportScript } from "../../embedded/report-script.ts";
import { escapeHtml, page, scriptJson } from "../../html/page.ts";
import type { Device } from "../device.ts";
import type { Detail, Exploration } from "../result.ts";
import { columnNamed, columnsOf, fullTitle } from "./columns.ts";
import { packed } from "./data.ts";
import { stillColumns, stillTable } from "./still.ts";
import { style } from "./style.ts";

/** Rows that are written out for readers without a script, and for paper. */
const mostStillRows = 60;

/**
 * What an exploration found, as one HTML page that needs no network: a plot, a table, a page for every variant and
 * comparisons of two. Variants without a detail have no kernels to show. Devices are found by the settings' names.
 */
export function explorationPage(
  exploration: Exploration,
  details: Iterable<Detail>,
  devices: readonly Device[],
): string {
  const byIndex = new Map([...details].map(detail => [detail.index, detail]));
  const data = packed({ exploration, details: byIndex, devices });
  return page({
    title: `Variants of ${exploration.query.sweep}`,
    facts: factsOf(exploration),
    style,
    script: reportScript,
    body: `${noticeOf(exploration)}<div id="app"></div>
<div id="still">
<noscript><p>Plots, sorting, and a page for each variant need a script, which is in this file and asks no network.</p></noscript>
<div id="still-front">${frontTable(exploration)}</div>
<div id="still-head"></div>
</div>
<script type="application/json" id="data">${scriptJson(data)}</script>`,
  });
}

type Fact = readonly [name: string, value: string];

function factsOf({ query, points, visited, variants, front, shard, search }: Exploration): readonly Fact[] {
  const columns = columnsOf({ query, variants: [] } as unknown as Exploration);
  const titles = query.front.map(name => {
    const column = columnNamed(columns, name);
    return column === null ? name : fullTitle(column);
  });
  const optional: readonly (readonly [name: string, value: string | null])[] = [
    ["Only", query.where.join(", ") || null],
    ["Part", shard === null ? null : `${shard.index} of ${shard.of}`],
    ["Search", search === null ? null : [`seed ${search.seed}`, ...search.budget].join(", ")],
  ];
  return [
    ["Variants", `${variants.length}`],
    ["Points", visited === points ? `${points}` : `${visited} of ${points}`],
    ["Front", `${front.length}, by ${titles.join(" and ")}`],
    ["For", query.settings.map(({ title, dtype, batch }) => `${title}, ${dtype}, batch ${batch}`).join("; ")],
    ...optional.flatMap(([name, value]): readonly Fact[] => (value === null ? [] : [[name, value]])),
    ["Spec", query.spec.slice(0, 12)],
  ];
}

const noticeOf = ({ complete, visited, points }: Exploration): string =>
  complete
    ? ""
    : `<p class="notice">${escapeHtml(`Interrupted after ${visited} of ${points} points: what follows is what was seen until then.`)}</p>\n`;

function frontTable(exploration: Exploration): string {
  const { query, variants, front } = exploration;
  const byIndex = new Map(variants.map(variant => [variant.index, variant]));
  const rows = front.flatMap(index => byIndex.get(index) ?? []);
  const columns = stillColumns(columnsOf(exploration), query);
  const caption = rows.length <= mostStillRows ? "Front" : `Front, the first ${mostStillRows} of ${rows.length}`;
  return stillTable(caption, columns, rows.slice(0, mostStillRows));
}
