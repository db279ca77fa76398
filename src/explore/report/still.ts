import { escapeHtml } from "../../html/page.ts";
import type { Query, Variant } from "../result.ts";
import { type Column, columnNamed, fullTitle } from "./columns.ts";
import { formatOf } from "./format.ts";

/** The columns that paper has room for: the axes, what the front trades, parameters, MACs, and every latency. */
export function stillColumns(columns: readonly Column[], { axes, front }: Query): readonly Column[] {
  const wanted = new Set([
    ...axes.map(({ path }) => path),
    ...["params", "macs", ...front].flatMap(name => columnNamed(columns, name)?.name ?? []),
    ...columns.flatMap(({ name }) => (name.startsWith("latency@") ? [name] : [])),
  ]);
  return columns.filter(({ name }) => wanted.has(name));
}

const kindOf = ({ unit }: Column): string => (unit === "text" ? "text" : "number");

/** A table that needs no script: for paper, and for readers who run none. */
export function stillTable(caption: string, columns: readonly Column[], variants: readonly Variant[]): string {
  const shown = columns.map(column => ({ column, format: formatOf(column, variants.map(column.of)) }));
  const head = shown.map(
    ({ column, format }) =>
      `<th scope="col" class="${kindOf(column)}">${escapeHtml(fullTitle(column))}${format.unit === "" ? "" : ` <small>${escapeHtml(format.unit)}</small>`}</th>`,
  );
  const rows = variants.map(
    variant =>
      `<tr><th scope="row">${escapeHtml(`#${variant.index}`)}</th>${shown
        .map(
          ({ column, format }) => `<td class="${kindOf(column)}">${escapeHtml(format.text(column.of(variant)))}</td>`,
        )
        .join("")}</tr>`,
  );
  return `<table><caption>${escapeHtml(caption)}</caption><thead><tr><th scope="col">variant</th>${head.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
}
