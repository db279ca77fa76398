import { scaleOf } from "../../../html/scale.ts";
import type { Variant } from "../../result.ts";
import { type Column, columnNamed, fullTitle, isNumeric } from "../columns.ts";
import { cellText, formatOf } from "../format.ts";
import { drawing, el, svg } from "./dom.ts";
import { dots, heightFor, line, type Plot, type PlotAxis, plotOf } from "./plot.ts";
import { compareHref, point, type State, toggleCompared, variantHref } from "./state.ts";

interface Place {
  readonly variant: Variant;
  readonly x: number;
  readonly y: number;
}

interface Axes {
  x: Column;
  y: Column;
}

/** Every variant at two of its figures, with the front; the columns are the reader's choice. */
export function scatter(state: State): HTMLElement {
  const columns = state.columns.filter(isNumeric);
  const axes = firstAxes(state, columns);
  let mark = (): void => {};
  const { place, draw } = drawing(width => {
    const { root, ...made } = plotted(state, axes, width);
    mark = made.mark;
    return root;
  });
  const choose = (label: string, axis: keyof Axes): HTMLElement => {
    const select = el("select", {}, ...options(columns, axes[axis]));
    select.addEventListener("change", () => {
      axes[axis] = columns[select.selectedIndex] as Column;
      draw();
    });
    return el("label", {}, label, select);
  };
  state.onChange(what => {
    if (what === "shown") draw();
    if (what === "current") mark();
  });
  return el(
    "div",
    { class: "sheet" },
    el("div", { class: "controls" }, choose("Across", "x"), choose("Up", "y")),
    place,
    readout(state),
  );
}

/** The front's own columns, or else parameters and what comes first of the rest. */
function firstAxes({ exploration }: State, columns: readonly Column[]): Axes {
  const wanted = [...exploration.query.front, "params", "latency", "macs"].flatMap(
    name => columnNamed(columns, name) ?? [],
  );
  const [x = columns[0], y = columns[0]] = [...new Set(wanted)];
  return { x: x as Column, y: y as Column };
}

/** Columns under the setting that they are about. */
function options(columns: readonly Column[], chosen: Column): readonly Node[] {
  const option = (column: Column): Node =>
    el("option", { selected: column === chosen }, column.group === "" ? column.title : fullTitle(column));
  const groups = [...new Set(columns.map(({ group }) => group))];
  return groups.flatMap(group => {
    const inside = columns.filter(column => column.group === group).map(option);
    return group === "" ? inside : [el("optgroup", { label: group }, ...inside)];
  });
}

interface Plotted {
  readonly root: Element;
  /** Shows which variant is the current one. */
  readonly mark: () => void;
}

function plotted(state: State, { x, y }: Axes, width: number): Plotted {
  const { variants } = state.exploration;
  const plot = plotOf(width, heightFor(width), axisOf(x, variants), axisOf(y, variants));
  const places = variants.map(variant => placeOf(plot, variant, x.of(variant), y.of(variant)));
  const shown = new Set(state.shown);
  const { root } = plot;
  root.append(
    svg("path", { class: "dots away", d: pathOf(places.filter(({ variant }) => !shown.has(variant))) }),
    svg("path", { class: "dots", d: pathOf(places.filter(({ variant }) => shown.has(variant))) }),
    ...measuredMarks(plot, { x, y }, variants),
    ...frontMarks(state, plot, places, { x, y }),
  );
  const inSight = places.filter(({ variant }) => shown.has(variant));
  return { root, mark: follow(state, plot, inSight, { x, y }) };
}

const pathOf = (places: readonly Place[]): string => dots(places.map(({ x, y }) => [x, y]));

const placeOf = ({ x, y }: Plot, variant: Variant, across: unknown, up: unknown): Place => ({
  variant,
  x: x(across as number),
  y: y(up as number),
});

function axisOf(column: Column, variants: readonly Variant[]): PlotAxis {
  const cells = variants.map(column.of) as readonly number[];
  const measured = variants.flatMap(variant => column.measured?.(variant) ?? []);
  const scale = scaleOf([...cells, ...measured]);
  const { unit, round } = formatOf(column, cells);
  return {
    title: `${fullTitle(column)}${unit === "" ? "" : `, ${unit}`}${scale.isLog ? ", log scale" : ""}`,
    scale,
    text: round,
  };
}

/** Measured figures as rings, each tied to what was predicted. */
function measuredMarks(plot: Plot, { x, y }: Axes, variants: readonly Variant[]): readonly Node[] {
  const pairs = variants.flatMap(variant => {
    const across = x.measured?.(variant) ?? null;
    const up = y.measured?.(variant) ?? null;
    if (across === null && up === null) return [];
    const from = placeOf(plot, variant, x.of(variant), y.of(variant));
    return [{ from, to: placeOf(plot, variant, across ?? x.of(variant), up ?? y.of(variant)) }];
  });
  const [first] = pairs;
  if (first === undefined) return [];
  const ties = pairs.map(({ from, to }) =>
    line([
      [from.x, from.y],
      [to.x, to.y],
    ]),
  );
  const rings = pairs.map(({ to }) => `M${(to.x - 3).toFixed(1)} ${to.y.toFixed(1)}a3 3 0 1 0 6 0a3 3 0 1 0-6 0`);
  const above = (pair: (typeof pairs)[number]): number => pair.from.y - pair.to.y;
  const top = pairs.reduce((a, b) => (above(b) > above(a) ? b : a), first).to;
  return [
    svg("path", { class: "tie", d: ties.join("") }),
    svg("path", { class: "ring", d: rings.join("") }),
    svg("text", { class: "halo", x: top.x, y: top.y - 8, "text-anchor": "middle" }, "measured"),
  ];
}

/** The front: a line where it is one in this plane, which it is where its two columns are the axes. */
function frontMarks(state: State, { width }: Plot, places: readonly Place[], axes: Axes): readonly Node[] {
  const { columns, exploration } = state;
  const traded = exploration.query.front.flatMap(name => columnNamed(columns, name) ?? []);
  const isLine = traded.length === 2 && traded.includes(axes.x) && traded.includes(axes.y);
  const onFront = places.filter(({ variant }) => state.front.has(variant.index)).sort((a, b) => a.x - b.x);
  const last = onFront.at(-1);
  if (last === undefined) return [];
  const isNarrow = width - last.x < 60;
  const label = { x: last.x + (isNarrow ? -9 : 9), y: last.y + 4, "text-anchor": isNarrow ? "end" : "start" };
  return [
    ...(isLine ? [svg("path", { class: "front", d: line(onFront.map(({ x, y }) => [x, y])) })] : []),
    svg("path", { class: "dots best", d: pathOf(onFront) }),
    svg("text", { class: "best halo", ...label }, "front"),
  ];
}

/** Farther from every point than this, a pointer means none. */
const reach = 36;

/** Pointer, finger and keys choose the variant that plot and table point at; gives what marks it. */
function follow(state: State, plot: Plot, places: readonly Place[], axes: Axes): () => void {
  const { root } = plot;
  const ordered = places.toSorted((a, b) => a.x - b.x || a.y - b.y);
  const marker = svg("g", { class: "marker" });
  root.append(marker);
  root.setAttribute("tabindex", "0");
  root.setAttribute("role", "application");
  root.setAttribute(
    "aria-label",
    `${fullTitle(axes.y)} against ${fullTitle(axes.x)} of ${places.length} variants. Left and right arrow: the next variant; Enter: its page; C: compare.`,
  );
  const mark = (): void => {
    const at = places.find(({ variant }) => variant.index === state.current);
    marker.replaceChildren(...(at === undefined ? [] : markOf(plot, at, axes)));
  };
  const nearest = (event: MouseEvent): Place | null => {
    const box = root.getBoundingClientRect();
    const zoom = plot.width / box.width;
    return nearestTo(places, (event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom);
  };
  root.addEventListener("pointermove", event => {
    if (event.pointerType === "mouse") point(state, nearest(event)?.variant.index ?? state.current);
  });
  root.addEventListener("click", event => point(state, nearest(event)?.variant.index ?? null));
  root.addEventListener("dblclick", () => open(state));
  root.addEventListener("keydown", event => {
    const act = keys[event.key];
    if (act === undefined || ordered.length === 0) return;
    event.preventDefault();
    act(state, ordered);
  });
  mark();
  return mark;
}

const step =
  (by: number) =>
  (state: State, ordered: readonly Place[]): void => {
    const at = ordered.findIndex(({ variant }) => variant.index === state.current);
    const next = Math.min(ordered.length - 1, Math.max(0, at + by));
    point(state, ordered[next]?.variant.index ?? null);
  };

const compare = (state: State): void => {
  if (state.current !== null) toggleCompared(state, state.current);
};

function open(state: State): void {
  if (state.current !== null) location.hash = variantHref(state.current);
}

const keys: Readonly<Record<string, (state: State, ordered: readonly Place[]) => void>> = {
  ArrowRight: step(1),
  ArrowUp: step(1),
  ArrowLeft: step(-1),
  ArrowDown: step(-1),
  Home: step(Number.NEGATIVE_INFINITY),
  End: step(Number.POSITIVE_INFINITY),
  Enter: open,
  " ": compare,
  c: compare,
};

function nearestTo(places: readonly Place[], x: number, y: number): Place | null {
  let best: Place | null = null;
  let least = reach ** 2;
  for (const place of places) {
    const far = (place.x - x) ** 2 + (place.y - y) ** 2;
    if (far >= least) continue;
    best = place;
    least = far;
  }
  return best;
}

/** A ring around the variant, and which it is. */
function markOf(plot: Plot, { variant, x, y }: Place, axes: Axes): readonly Node[] {
  const isRight = x > plot.width / 2;
  const side = { x: x + (isRight ? -12 : 12), "text-anchor": isRight ? "end" : "start" };
  const figures = [axes.x, axes.y].map(column => `${cellText(column, column.of(variant))} ${column.title}`);
  const lines = [`#${variant.index}`, ...figures];
  const top = Math.min(Math.max(y - 14, 14), plot.height - 80);
  return [
    svg("circle", { cx: x, cy: y, r: 6.5 }),
    ...lines.map((text, i) => svg("text", { class: i === 0 ? "halo strong" : "halo", y: top + 17 * i, ...side }, text)),
  ];
}

/** Which variant plot and table point at, in words, and what can be done with it. */
function readout(state: State): HTMLElement {
  const place = el("p", { class: "readout", "aria-live": "polite" });
  const show = (): void => {
    const variant = state.current === null ? null : state.variantOf(state.current);
    place.replaceChildren(...(variant === null ? [hint] : words(state, variant)));
  };
  state.onChange(show);
  show();
  return place;
}

const hint = "Point at a variant, or move with the arrow keys; Enter opens its page, C adds it to the comparison.";

function words(state: State, variant: Variant): readonly (Node | string)[] {
  const { index } = variant;
  const isCompared = state.compared.includes(index);
  const other = state.compared.find(other => other !== index);
  const toggle = el("button", { type: "button" }, isCompared ? "Do not compare" : "Compare");
  toggle.addEventListener("click", () => toggleCompared(state, index));
  return [
    el("a", { href: variantHref(index) }, `Variant #${index}`),
    ` ${state.nameOf(variant)} `,
    other === undefined || isCompared ? toggle : el("a", { href: compareHref(other, index) }, `Compare with #${other}`),
  ];
}
