import { type Column, columnNamed, columnsOf } from "./columns.ts";
import { short } from "./render.ts";
import type { Exploration } from "./result.ts";

/** Where a plot is drawn: narrower terminals show the table alone. */
const leastColumns = 80;
const mostColumns = 110;
const rows = 16;
/** Wider ranges than this are drawn to a logarithmic scale. */
const widest = 20;

interface Scale {
  /** From 0 to 1. */
  readonly place: (value: number) => number;
  readonly low: number;
  readonly high: number;
  readonly isLog: boolean;
}

function scaleOf(values: readonly number[]): Scale {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const isLog = low > 0 && high / low > widest;
  const bend = isLog ? Math.log : (value: number) => value;
  const [from, to] = [bend(low), bend(high)];
  return { place: value => (to > from ? (bend(value) - from) / (to - from) : 0.5), low, high, isLog };
}

/**
 * Variants in the plane of the first two columns that the front trades, for a terminal of so many columns: `*` is on the
 * front, a dot is another. Nothing where there is no room, or are not two columns and two variants.
 */
export function scatterOf({ query, variants, front }: Exploration, columns: number): string {
  const all = columnsOf(query.settings);
  const [up, across] = query.front.map(name => columnNamed(all, name.replace(/:max$/, "")));
  if (columns < leastColumns || !up || !across || variants.length < 2) return "";
  const figures = variants.map(variant => ({ x: across.of(variant), y: up.of(variant), index: variant.index }));
  const [x, y] = [scaleOf(figures.map(({ x }) => x)), scaleOf(figures.map(({ y }) => y))];
  const [top, bottom] = [figureText(up, y.high), figureText(up, y.low)];
  const margin = Math.max(top.length, bottom.length) + 1;
  const width = Math.min(mostColumns, columns) - margin - 2;

  const cells = Array.from({ length: rows }, () => new Array<string>(width).fill(" "));
  const best = new Set(front);
  for (const isBest of [false, true])
    for (const figure of figures) {
      if (best.has(figure.index) !== isBest) continue;
      const row = cells[Math.round((1 - y.place(figure.y)) * (rows - 1))] as string[];
      row[Math.round(x.place(figure.x) * (width - 1))] = isBest ? "*" : "·";
    }

  const [left, right] = [figureText(across, x.low), figureText(across, x.high)];
  const below = titled(across, x)
    .padStart((width + titled(across, x).length) / 2)
    .padEnd(width);
  return [
    titled(up, y),
    ...cells.map((row, i) => {
      const label = i === 0 ? top : i === rows - 1 ? bottom : "";
      return `${label.padStart(margin)} ${i === 0 || i === rows - 1 ? "┤" : "│"}${row.join("")}`.trimEnd();
    }),
    `${" ".repeat(margin + 1)}└${"─".repeat(width)}`,
    `${" ".repeat(margin + 2)}${left}${below.slice(left.length, width - right.length)}${right}`,
  ]
    .map(line => `${line}\n`)
    .join("");
}

const titled = ({ title }: Column, { isLog }: Scale): string => (isLog ? `${title}, log scale` : title);

function figureText({ unit }: Column, value: number): string {
  if (unit === "ms") return `${value.toPrecision(3)} ms`;
  const text = short(value);
  return unit === "" ? text : /[KMG]$/.test(text) && unit === "B" ? `${text}B` : `${text} ${unit}`;
}
