import type { Variant } from "../../result.ts";
import type { Column } from "../columns.ts";
import { cellText, change, difference } from "../format.ts";
import { el } from "./dom.ts";
import type { State } from "./state.ts";

/** Rows of figures under a heading for every setting: what is told of one variant, or of two with their differences. */
function groupsOf({ columns }: State): readonly (readonly [group: string, columns: readonly Column[]])[] {
  const groups = [...new Set(columns.map(({ group }) => group))];
  return groups.map(group => [group, columns.filter(column => column.group === group)]);
}

function table(state: State, head: readonly string[], cells: (column: Column) => readonly string[]): HTMLElement {
  const bodies = groupsOf(state).map(([group, columns]) => {
    const setting = state.exploration.query.settings.find(({ label }) => label === group);
    const title = setting && `${setting.title}, ${setting.dtype}, batch ${setting.batch}`;
    const heading =
      title === undefined
        ? []
        : [el("tr", {}, el("th", { scope: "rowgroup", colspan: head.length + 1, class: "group" }, title))];
    const rows = columns.map(column =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, column.title),
        ...cells(column).map(text => el("td", { class: "number" }, text)),
      ),
    );
    return el("tbody", {}, ...heading, ...rows);
  });
  const titles = head.map(title => el("th", { scope: "col", class: "number" }, title));
  const headRow = el("thead", {}, el("tr", {}, el("td"), ...titles));
  return el("div", { class: "sheet scroll" }, el("table", { class: "figures" }, headRow, ...bodies));
}

export const figuresOf = (state: State, variant: Variant): HTMLElement =>
  table(state, [`#${variant.index}`], column => [cellText(column, column.of(variant))]);

/** Two variants with what the second has more than the first, absolutely and in per cent. */
export const differencesOf = (state: State, a: Variant, b: Variant): HTMLElement =>
  table(state, [`#${a.index}`, `#${b.index}`, "difference", "per cent"], column => {
    const [left, right] = [column.of(a), column.of(b)];
    const isNumeric = typeof left === "number" && typeof right === "number";
    return [
      cellText(column, left),
      cellText(column, right),
      isNumeric ? difference(column, left, right) : left === right ? "same" : "differs",
      (isNumeric ? change(left, right) : null) ?? "–",
    ];
  });
