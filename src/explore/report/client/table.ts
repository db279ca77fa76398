import type { Variant } from "../../result.ts";
import type { Cell, Column } from "../columns.ts";
import { type ColumnFormat, formatOf } from "../format.ts";
import { type Child, el } from "./dom.ts";
import { type Change, point, type State, toggleCompared, variantHref } from "./state.ts";

/** A column with how its numbers are told and how wide they get. */
interface Shown {
  readonly column: Column;
  readonly format: ColumnFormat;
  readonly characters: number;
}

export interface Sort {
  readonly column: Column;
  readonly isDescending: boolean;
}

/** Pixels; the style sheet says the same. */
const rowHeight = 32;
const headRows = 2;
/** Letters of a title, which are smaller, against digits. */
const titleWidth = 0.9;
/** Rows that are kept above and below what is seen. */
const spare = 12;

const place: Column = {
  name: "#",
  title: "variant",
  group: "",
  unit: "",
  of: ({ index }) => index,
  measured: null,
};

/** In the order of a column; what has no value comes last either way. */
export function sorted(variants: readonly Variant[], { column: { of }, isDescending }: Sort): readonly Variant[] {
  const turn = isDescending ? -1 : 1;
  return variants.toSorted((a, b) => {
    const [left, right] = [of(a), of(b)];
    if (left === null || right === null) return Number(left === null) - Number(right === null) || a.index - b.index;
    return turn * order(left, right) || a.index - b.index;
  });
}

const order = (a: NonNullable<Cell>, b: NonNullable<Cell>): number =>
  typeof a === "number" && typeof b === "number" ? a - b : `${a}` < `${b}` ? -1 : Number(`${a}` > `${b}`);

export interface Table {
  readonly root: HTMLElement;
  /** Puts the keyboard on the current row, or the first. */
  readonly focus: () => void;
}

/** All rows that are shown, of which only those in sight exist. */
export function tableOf(state: State, onSort: (sort: Sort | null) => void): Table {
  const columns = [place, ...state.columns].map(column => shownColumn(column, state.exploration.variants));
  const box = el("div", { class: "box", tabindex: "-1" });
  const body = el("tbody");
  const head = headOf(columns, state, onSort);
  const table = el("table", { "aria-label": "Variants" }, columnGroup(columns), head, body);
  const count = (): void => table.setAttribute("aria-rowcount", `${state.shown.length + headRows}`);
  table.style.minWidth = `${columns.reduce((sum, { characters }) => sum + characters, 5)}ch`;
  box.append(table);
  const rows = rowsOf(state, columns, body, box, head);
  state.onChange(what => {
    if (what === "shown") count();
    rows.changed(what);
  });
  count();
  box.addEventListener("scroll", () => rows.render());
  box.addEventListener("keydown", event => rows.key(event));
  new ResizeObserver(() => rows.render()).observe(box);
  return { root: box, focus: () => rows.focusOn(rows.currentPlace()) };
}

function shownColumn(column: Column, variants: readonly Variant[]): Shown {
  const cells = variants.map(column.of);
  const format = formatOf(column, cells);
  const widest = cells.reduce((most: number, cell) => Math.max(most, format.text(cell).length), 0);
  const title = column.title.length + (format.unit === "" ? 0 : format.unit.length + 1) + 2;
  return { column, format, characters: Math.max(widest, Math.ceil(title * titleWidth)) + 2 };
}

const columnGroup = (columns: readonly Shown[]): HTMLElement => {
  const col = (characters: number): HTMLElement => {
    const element = el("col");
    element.style.width = `${characters}ch`;
    return element;
  };
  return el("colgroup", {}, col(5), ...columns.map(({ characters }) => col(characters)));
};

/** Two rows: what columns are about, and their titles, which sort. */
function headOf(columns: readonly Shown[], state: State, onSort: (sort: Sort | null) => void): HTMLTableSectionElement {
  let sort: Sort | null = null;
  const cells = columns.map(({ column, format }, i) => {
    const children: readonly Child[] = format.unit === "" ? [] : [" ", el("small", {}, format.unit)];
    const button = el("button", { type: "button", title: column.name }, column.title, ...children);
    const cell = el("th", { scope: "col", "aria-sort": "none", class: classOf(column, i) }, button);
    button.addEventListener("click", () => {
      const isSame = sort?.column === column;
      sort = isSame && sort?.isDescending ? null : { column, isDescending: isSame };
      for (const other of cells) other.setAttribute("aria-sort", "none");
      if (sort !== null) cell.setAttribute("aria-sort", sort.isDescending ? "descending" : "ascending");
      onSort(sort);
    });
    return cell;
  });
  const compare = el("th", { scope: "col", class: "tick" }, el("span", { class: "unseen" }, "compare"));
  const head = el("thead", {}, groupRow(state), el("tr", {}, compare, ...cells));
  return head;
}

function groupRow({ columns, exploration }: State): HTMLElement {
  const own = columns.filter(({ group }) => group === "").length;
  const groups = exploration.query.settings.map(({ label, title, dtype, batch }) => {
    const span = columns.filter(({ group }) => group === label).length;
    const words = el("span", { title: `${title}, ${dtype}, batch ${batch}` }, label);
    return el("th", { scope: "colgroup", colspan: span }, words);
  });
  return el("tr", { class: "groups" }, el("td", { colspan: own + 2 }), ...groups);
}

const classOf = ({ unit }: Column, i: number): string => (i === 0 ? "place" : unit === "text" ? "text" : "number");

function rowsOf(state: State, columns: readonly Shown[], body: HTMLElement, box: HTMLElement, head: HTMLElement) {
  const made = new Map<number, HTMLTableRowElement>();
  let seen = "";
  const currentPlace = (): number =>
    Math.max(
      0,
      state.shown.findIndex(({ index }) => index === state.current),
    );
  const spacer = (rows: number): HTMLElement => {
    const row = el("tr", { class: "spacer", "aria-hidden": "true" }, el("td", { colspan: columns.length + 1 }));
    row.style.height = `${rows * rowHeight}px`;
    return row;
  };
  /** Makes the rows that are in sight, if they are not those that are there. */
  const render = (isStale = false): void => {
    const { shown } = state;
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - spare);
    const end = Math.min(shown.length, first + Math.ceil(box.clientHeight / rowHeight) + 2 * spare);
    if (!isStale && seen === `${first} ${end}`) return;
    seen = `${first} ${end}`;
    const holds = body.contains(document.activeElement) ? document.activeElement : null;
    if (isStale) made.clear();
    for (const at of made.keys()) if (at < first || at >= end) made.delete(at);
    const rows = shown.slice(first, end).map((variant, i) => {
      const row = made.get(first + i) ?? rowOf(state, columns, variant, first + i);
      made.set(first + i, row);
      return row;
    });
    body.replaceChildren(
      ...(first > 0 ? [spacer(first)] : []),
      ...rows,
      ...(end < shown.length ? [spacer(shown.length - end)] : []),
    );
    mark();
    if (holds instanceof HTMLElement) (body.contains(holds) ? holds : box).focus({ preventScroll: true });
  };
  /** Says on the rows which is the current one and which are compared. */
  const mark = (): void => {
    const current = currentPlace();
    for (const [at, row] of made) {
      const index = state.shown[at]?.index ?? -1;
      row.classList.toggle("current", index === state.current);
      const link = row.querySelector("a");
      if (link !== null) link.tabIndex = at === current ? 0 : -1;
      const tick = row.querySelector("input");
      if (tick !== null) tick.checked = state.compared.includes(index);
    }
  };
  const reveal = (at: number): void => {
    const above = at * rowHeight;
    const room = box.clientHeight - head.offsetHeight - rowHeight;
    if (above < box.scrollTop) box.scrollTop = above;
    else if (above > box.scrollTop + room) box.scrollTop = above - room;
    render();
  };
  const focusOn = (at: number): void => {
    const variant = state.shown[Math.min(Math.max(at, 0), state.shown.length - 1)];
    if (variant === undefined) return;
    point(state, variant.index);
    reveal(currentPlace());
    made.get(currentPlace())?.querySelector("a")?.focus({ preventScroll: true });
  };
  const key = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(box.clientHeight / rowHeight) - 3);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: currentPlace() + 1,
      ArrowUp: currentPlace() - 1,
      PageDown: currentPlace() + page,
      PageUp: currentPlace() - page,
      Home: 0,
      End: state.shown.length - 1,
    };
    if (head.contains(event.target as Node) || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = steps[event.key];
    const isTick = (event.target as Element).tagName === "INPUT";
    if (to !== undefined) focusOn(to);
    else if ((event.key === " " && !isTick) || event.key === "c") {
      if (state.current !== null) toggleCompared(state, state.current);
    } else return;
    event.preventDefault();
  };
  const changed = (what: Change): void => {
    if (what === "shown" || what === "order") {
      box.scrollTop = 0;
      render(true);
    } else mark();
  };
  return { render, key, focusOn, currentPlace, changed };
}

function rowOf(state: State, columns: readonly Shown[], variant: Variant, at: number): HTMLTableRowElement {
  const { index } = variant;
  const isBest = state.front.has(index);
  const tick = el("input", { type: "checkbox", tabindex: "-1", "aria-label": `Compare variant ${index}` });
  tick.addEventListener("change", () => toggleCompared(state, index));
  const link = el("a", { href: variantHref(index), tabindex: "-1" }, `#${index}`);
  link.addEventListener("focus", () => point(state, index));
  const best = isBest ? [el("span", { class: "unseen" }, ", on the front")] : [];
  const cells = columns
    .slice(1)
    .map(({ column, format }, i) => el("td", { class: classOf(column, i + 1) }, format.text(column.of(variant))));
  return el(
    "tr",
    { "aria-rowindex": at + headRows + 1, class: isBest ? "best" : "" },
    el("td", { class: "tick" }, tick),
    el("th", { scope: "row", class: "place" }, link, ...best),
    ...cells,
  );
}
