import { el } from "./dom.ts";

/** A column of a table that is short enough to stand whole. */
export interface PlainColumn<T> {
  readonly title: string;
  readonly of: (row: T) => string;
  /** Words and not a number. */
  readonly isText?: boolean;
}

/** A table in a sheet of its own, which scrolls where it is too wide; its first column names the rows. */
export function plainTable<T>(label: string, columns: readonly PlainColumn<T>[], rows: readonly T[]): HTMLElement {
  const kind = ({ isText = false }: PlainColumn<T>): string => (isText ? "" : "number");
  const head = columns.map(column => el("th", { scope: "col", class: kind(column) }, column.title));
  const body = rows.map(row =>
    el(
      "tr",
      {},
      ...columns.map((column, i) =>
        i === 0 ? el("th", { scope: "row" }, column.of(row)) : el("td", { class: kind(column) }, column.of(row)),
      ),
    ),
  );
  const table = el("table", { "aria-label": label }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body));
  return el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": label }, table);
}
