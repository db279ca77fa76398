import type { Scale } from "../../../html/scale.ts";
import { sized, svg } from "./dom.ts";

/** One axis of a plot: where its numbers lie and how they are told. */
export interface PlotAxis {
  readonly title: string;
  readonly scale: Scale;
  readonly text: (value: number) => string;
}

/** Two axes with a grid; marks are put into `root` at `x` and `y`. */
export interface Plot {
  readonly root: SVGSVGElement;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly width: number;
  readonly height: number;
}

const margin = { left: 52, right: 14, top: 30, bottom: 44 };

/** Titles stand at the ends of their axes, so that none is turned. */
export function plotOf(width: number, height: number, horizontal: PlotAxis, vertical: PlotAxis): Plot {
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const x = (value: number): number => margin.left + horizontal.scale.at(value) * (right - margin.left);
  const y = (value: number): number => bottom - vertical.scale.at(value) * (bottom - margin.top);
  const root = svg("svg", { class: "plot", ...sized(width, height) });
  for (const tick of vertical.scale.ticks)
    root.append(
      svg("line", { class: "grid", x1: margin.left, x2: right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: margin.left - 8, y: y(tick) + 4, "text-anchor": "end" }, vertical.text(tick)),
    );
  for (const tick of horizontal.scale.ticks)
    root.append(
      svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: margin.top, y2: bottom }),
      svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, horizontal.text(tick)),
    );
  root.append(
    svg("text", { class: "title", x: 0, y: 13 }, vertical.title),
    svg("text", { class: "title", x: right, y: height - 6, "text-anchor": "end" }, horizontal.title),
  );
  return { root, x, y, width, height };
}

/** A path of dots: as many as there are, in one element. */
export const dots = (places: readonly (readonly [x: number, y: number])[]): string =>
  places.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");

export const line = (places: readonly (readonly [x: number, y: number])[]): string =>
  places.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** How tall a plot of this width is. */
export const heightFor = (width: number): number => Math.round(Math.min(460, Math.max(300, width * 0.48)));
