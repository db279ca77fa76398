import type { Setting, Variant } from "../../result.ts";
import type { Cell, Column } from "../columns.ts";
import { cellText, change, formatOf } from "../format.ts";
import { el, facts } from "./dom.ts";
import { type PlainColumn, plainTable } from "./plain-table.ts";
import type { State } from "./state.ts";

const settingTitle = ({ title, dtype, batch }: Setting): string => `${title}, ${dtype}, batch ${batch}`;

/** What a variant has anyway, and what it has under each setting. */
export function figuresOf({ columns, exploration }: State, variant: Variant): readonly HTMLElement[] {
  const cell = (column: Column): string => cellText(column, column.of(variant));
  const own = columns.filter(({ group }) => group === "");
  const under = columns.filter(({ group }) => group !== "");
  const titles = [...new Set(under.map(({ title }) => title))];
  const figure = (title: string): PlainColumn<Setting> => {
    const columnOf = ({ label }: Setting) => under.find(column => column.group === label && column.title === title);
    const of = (setting: Setting): string => {
      const column = columnOf(setting);
      return column === undefined ? "–" : cell(column);
    };
    return { title, of, isText: under.some(column => column.title === title && column.unit === "text") };
  };
  const settings: readonly PlainColumn<Setting>[] = [
    { title: "for", of: settingTitle, isText: true },
    ...titles.map(figure),
  ];
  return [
    el("div", { class: "sheet" }, facts(own.map(column => [column.title, cell(column)]))),
    plainTable("Figures under each setting", settings, exploration.query.settings),
  ];
}

/** Two variants with what the second has more than the first, absolutely and in per cent. */
export function differencesOf({ columns, exploration }: State, a: Variant, b: Variant): HTMLElement {
  const head = [`#${a.index}`, `#${b.index}`, "change", "in %"];
  const titles = head.map(title => el("th", { scope: "col", class: "number" }, title));
  const bodies = [null, ...exploration.query.settings].map(setting => {
    const rows = columns.filter(({ group }) => group === (setting?.label ?? ""));
    const heading = setting === null ? [] : [groupHeading(settingTitle(setting), head.length + 1)];
    return el("tbody", {}, ...heading, ...rows.map(column => differenceRow(column, column.of(a), column.of(b))));
  });
  const table = el("table", { class: "figures" }, el("thead", {}, el("tr", {}, el("td"), ...titles)), ...bodies);
  return el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Figures of both" }, table);
}

const groupHeading = (title: string, span: number): HTMLElement =>
  el("tr", {}, el("th", { scope: "rowgroup", colspan: span, class: "group" }, title));

/** Both in one unit, so that the difference is that of the digits. */
function differenceRow(column: Column, left: Cell, right: Cell): HTMLElement {
  const isNumeric = typeof left === "number" && typeof right === "number" && column.unit !== "text";
  const { unit, text } = formatOf(column, [left, right]);
  const between = isNumeric ? signed(right - left, text(right - left)) : words(left, right);
  const percent = (isNumeric ? change(left, right) : null) ?? "–";
  const cells = [text(left), text(right), between, percent];
  const units = unit === "" ? [] : [" ", el("small", {}, unit)];
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, column.title, ...units),
    ...cells.map(text => el("td", { class: "number" }, text)),
  );
}

const signed = (value: number, text: string): string => (value > 0 ? `+${text}` : value === 0 ? "0" : text);

const words = (left: Cell, right: Cell): string =>
  left === null || right === null ? "–" : left === right ? "same" : "differs";
