import { grouped } from "../../html/figures.ts";
import { escapeHtml } from "../../html/page.ts";

/** The same few pictures, and what a model made of them at several times. Pictures are addresses, `data:` ones. */
export interface Reconstructions {
  readonly pictures: readonly { readonly name: string; readonly input: string; readonly masked: string }[];
  readonly columns: readonly ReconstructedColumn[];
}

export interface ReconstructedColumn {
  /** Steps that had been done. */
  readonly step: number;
  /** Of each picture, in the same order: the removed patches as they are predicted, the kept ones as they are. */
  readonly pictures: readonly string[];
  /** The loss of each. */
  readonly losses: readonly number[];
}

/** Columns that are kept: the first, and the last few. */
export const mostColumns = 8;

export const keptColumns = (columns: readonly ReconstructedColumn[]): readonly ReconstructedColumn[] =>
  columns.length <= mostColumns ? columns : [...columns.slice(0, 1), ...columns.slice(1 - mostColumns)];

/** A row a picture, a column a time. */
export function reconstructionTable({ pictures, columns }: Reconstructions): string {
  const heads = ["Input", "Masked", ...columns.map(({ step }) => `after ${grouped(step)}`)];
  const cell = (source: string, alt: string) => `<td><img src="${escapeHtml(source)}" alt="${escapeHtml(alt)}"></td>`;
  const rows = pictures.map(({ name, input, masked }, i) => {
    const made = columns.map(({ step, pictures: all, losses }) =>
      cell(all[i] ?? "", `${name} reconstructed after ${grouped(step)} steps, loss ${lossText(losses[i])}`),
    );
    return `<tr>${cell(input, name)}${cell(masked, `${name}, masked`)}${made.join("")}</tr>`;
  });
  const losses = columns.map(({ losses }) => {
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    return `<td>${lossText(mean)}</td>`;
  });
  return `<div class="sheet scroll" role="region" aria-label="Reconstructions" tabindex="0">
<table class="reconstructions"><thead><tr>${heads.map(head => `<th scope="col">${escapeHtml(head)}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
<tfoot><tr><th scope="row" colspan="2">mean loss</th>${losses.join("")}</tr></tfoot></table>
</div>`;
}

const lossText = (loss: number | null | undefined): string =>
  typeof loss === "number" && Number.isFinite(loss) ? loss.toFixed(4) : "not finite";

export const reconstructionStyle = `.scroll { overflow-x: auto; }
.reconstructions { border-collapse: separate; border-spacing: 0.25rem; width: 100%; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.reconstructions th, .reconstructions td { padding: 0; text-align: center; font-weight: 400; white-space: nowrap; }
.reconstructions th, .reconstructions tfoot td { color: var(--soft); }
.reconstructions tfoot th { text-align: right; padding-right: 0.5rem; }
.reconstructions img { display: block; width: 100%; min-width: 4rem; height: auto; border-radius: 0.25rem; background: var(--line); }
.reconstructions :is(thead, tbody) tr > :nth-child(1) { position: sticky; left: -1rem; background: var(--sheet); box-shadow: 0.25rem 0 var(--sheet), -0.25rem 0 var(--sheet); }
.scroll:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
`;
