import { escapeHtml } from "./page.ts";
import type { Scale } from "./scale.ts";

/** Numbers over a common axis. What is missing in between is a gap. */
export interface ChartLine {
  readonly name: string;
  /** Which of the five looks it has, from 0. */
  readonly look: number;
  readonly points: readonly (readonly [x: number, y: number] | null)[];
  /** In the background of another line, without a name of its own in the legend. */
  readonly isFaint?: boolean;
  /** Every point has a dot. */
  readonly hasDots?: boolean;
}

export interface LineChart {
  /** Of the page's elements, of letters. */
  readonly id: string;
  readonly title: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly xText: (value: number) => string;
  readonly yText: (value: number) => string;
  readonly lines: readonly ChartLine[];
  /** Where something went wrong, and what. */
  readonly marks?: { readonly name: string; readonly at: readonly number[] } | undefined;
  /** What is said of a place, in order, for whoever points at it or comes to it by the arrow keys; the last one at first. */
  readonly readings: readonly { readonly x: number; readonly text: string }[];
}

/** The drawing is this wide and high, and is then stretched. */
const size = 1000;

/**
 * A chart of lines as HTML around an SVG: it takes the width there is, and its text stays as large as other text. It
 * needs no script: the readings are radio buttons, so that one is pointed at, tapped, or reached by the arrow keys. Goes
 * with `lineChartStyle` and the colours of `page`.
 */
export function lineChart({ id, title, x, y, xText, yText, lines, marks, readings }: LineChart): string {
  const named = lines.filter(({ isFaint }) => !isFaint);
  const keys = [
    ...named.map(({ name, look }) => `<li>${swatch(look)}${escapeHtml(name)}</li>`),
    ...(marks === undefined || marks.at.length === 0 ? [] : [`<li><i class="mark"></i>${escapeHtml(marks.name)}</li>`]),
  ];
  const grid = [
    ...y.ticks.map(tick => `<path class="grid" d="M0 ${down(y.at(tick))}H${size}"/>`),
    ...(marks?.at ?? []).map(at => `<path class="mark" d="M${along(x.at(at))} ${size}v-70"/>`),
  ];
  return `<figure class="line-chart sheet" role="group" aria-labelledby="${id}-title">
<figcaption id="${id}-title">${escapeHtml(title)}</figcaption>
${keys.length > 1 ? `<ul class="legend">${keys.join("")}</ul>\n` : ""}<div class="plot">
<div class="area"><div class="y-axis" aria-hidden="true">${ticksOf(y, yText, "bottom")}</div><svg viewBox="0 0 ${size} ${size}" preserveAspectRatio="none" aria-hidden="true">${grid.join("")}${lines.map(line => pathsOf(line, x, y)).join("")}</svg>
<div class="readings" role="radiogroup" aria-label="${escapeHtml(title)}">${columnsOf(id, x, readings)}</div></div>
<div class="x-axis" aria-hidden="true">${ticksOf(x, xText, "left")}</div>
</div>
</figure>`;
}

const along = (part: number): number => Math.round(part * size * 100) / 100;
const down = (part: number): number => along(1 - part);
const percent = (part: number): string => `${Math.round(part * 100_000) / 1000}%`;

const ticksOf = (scale: Scale, text: (value: number) => string, side: "left" | "bottom"): string =>
  scale.ticks.map(tick => `<span style="${side}:${percent(scale.at(tick))}">${escapeHtml(text(tick))}</span>`).join("");

const swatch = (look: number): string =>
  `<svg viewBox="0 0 24 8" aria-hidden="true"><path class="line look-${look}" d="M0 4H24"/></svg>`;

function pathsOf({ look, points, isFaint, hasDots }: ChartLine, x: Scale, y: Scale): string {
  const within = (part: number): number => Math.min(1.02, Math.max(-0.02, part));
  const at = ([a, b]: readonly [number, number]): string => `${along(x.at(a))} ${down(within(y.at(b)))}`;
  const line = points
    .map((point, i) => (point === null ? "" : `${points[i - 1] == null ? "M" : "L"}${at(point)}`))
    .join("");
  const dots = points.map(point => (point === null ? "" : `M${at(point)}h0`)).join("");
  const kind = `look-${look}${isFaint ? " faint" : ""}`;
  return `<path class="line ${kind}" d="${line}"/>${hasDots ? `<path class="dots ${kind}" d="${dots}"/>` : ""}`;
}

/** Side by side, each as wide as it is far from its neighbours. */
function columnsOf(id: string, x: Scale, readings: LineChart["readings"]): string {
  const places = readings.map(reading => x.at(reading.x));
  const edges = places.map((place, i) => (i === 0 ? 0 : (place + (places[i - 1] as number)) / 2));
  return readings
    .map(({ text }, i) => {
      const width = (edges[i + 1] ?? 1) - (edges[i] as number);
      const checked = i === readings.length - 1 ? " checked" : "";
      return `<label style="flex-grow:${Math.round(width * 1e5)}"><input type="radio" name="${id}"${checked}><span>${escapeHtml(text)}</span></label>`;
    })
    .join("");
}

export const lineChartStyle = `:root { --look-1: #a4551c; --look-2: #4b50b8; --look-3: #8a2f6b; }
@media (prefers-color-scheme: dark) { :root { --look-1: #e5a06a; --look-2: #a3a8f5; --look-3: #e08cc3; } }
.line-chart { margin: 0 0 1rem; font-variant-numeric: tabular-nums; }
.line-chart figcaption { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 0.125rem 1.25rem; margin: 0.25rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: 0.875rem; }
.legend li { display: flex; align-items: center; gap: 0.5rem; }
.legend svg { width: 1.5rem; height: 0.5rem; }
.legend i.mark { width: 2px; height: 0.75rem; background: var(--wrong); }
.plot { position: relative; margin: 0.75rem 0.75rem 2.25rem 3.25rem; }
.area { position: relative; height: 14rem; }
.area svg { display: block; width: 100%; height: 100%; overflow: visible; }
.line-chart path { fill: none; vector-effect: non-scaling-stroke; }
.grid { stroke: var(--line); }
.mark { stroke: var(--wrong); stroke-width: 1.5px; }
.line { stroke-width: 1.75px; stroke-linejoin: round; }
.dots { stroke-width: 6px; stroke-linecap: round; }
.faint { stroke-opacity: 0.35; stroke-width: 1px; }
.look-0 { stroke: var(--bar); }
.look-1 { stroke: var(--look-1); }
.look-2 { stroke: var(--look-2); }
.look-3 { stroke: var(--look-3); }
.look-4 { stroke: var(--ink); }
.line.look-1 { stroke-dasharray: 7 3; }
.line.look-2 { stroke-dasharray: 2 3; }
.line.look-3 { stroke-dasharray: 9 3 2 3; }
.y-axis, .x-axis { color: var(--soft); font-size: 0.75rem; line-height: 1; }
.y-axis { position: absolute; inset: 0 100% 0 auto; }
.y-axis span { position: absolute; right: 0.5rem; transform: translateY(50%); white-space: nowrap; }
.x-axis { position: relative; height: 1rem; margin-top: 0.375rem; }
.x-axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.readings { position: absolute; inset: 0; display: flex; }
.readings label { flex: 1 0 0; min-width: 0; cursor: crosshair; }
.readings label:hover, .readings label:has(:focus-visible) { background: color-mix(in srgb, var(--bar) 16%, transparent); }
.readings input { position: absolute; opacity: 0; margin: 0; pointer-events: none; }
.readings span { position: absolute; top: calc(100% + 1.75rem); left: -2.5rem; right: 0; visibility: hidden; font-size: 0.875rem; line-height: 1.3; }
.readings :checked + span, .readings label:hover span { visibility: visible; }
.readings:hover label:not(:hover) span { visibility: hidden; }
.line-chart:has(:focus-visible) .area { outline: 2px solid var(--bar); outline-offset: 4px; border-radius: 0.25rem; }
@media (max-width: 34rem) { .plot { margin: 0.75rem 0.5rem 3.25rem 2.75rem; } .area { height: 11rem; } }
@media print { .readings { display: none; } .plot { margin-bottom: 0.5rem; } .line-chart { break-inside: avoid; } }
`;
