import { linear } from "../../../html/scale.ts";
import { amount, formatOf } from "../format.ts";
import { drawn, svg } from "./dom.ts";
import { line, plotOf } from "./plot.ts";

/** Bytes alive in scratch memory at each kernel, and what laying them out takes at most; of an image. */
export const timelineDrawing = (timeline: readonly number[], peak: number): HTMLElement =>
  drawn(width => {
    const most = Math.max(peak, ...timeline, 1);
    const { unit, round } = formatOf({ unit: "B" }, [most]);
    const plot = plotOf(
      width,
      240,
      { title: "kernels, in order", scale: linear(0, timeline.length), text: value => `${value}` },
      { title: `alive, of an image, ${unit}`, scale: linear(0, most * 1.12, 4), text: round },
    );
    const { root, x, y } = plot;
    const steps = timeline.flatMap((bytes, i): readonly (readonly [number, number])[] => [
      [x(i), y(bytes)],
      [x(i + 1), y(bytes)],
    ]);
    const floor: readonly (readonly [number, number])[] = [
      [x(timeline.length), y(0)],
      [x(0), y(0)],
    ];
    root.setAttribute("role", "img");
    root.setAttribute(
      "aria-label",
      `Scratch memory over ${timeline.length} kernels: at most ${amount(Math.max(...timeline, 0), "B")} alive, ${amount(peak, "B")} laid out`,
    );
    root.append(
      svg("path", { class: "area", d: `${line([...steps, ...floor])}z` }),
      svg("path", { class: "front", d: line(steps) }),
      svg("line", { class: "limit", x1: x(0), x2: x(timeline.length), y1: y(peak), y2: y(peak) }),
      svg(
        "text",
        { class: "halo", x: x(timeline.length), y: y(peak) - 6, "text-anchor": "end" },
        `peak ${amount(peak, "B")}`,
      ),
    );
    return root;
  });
