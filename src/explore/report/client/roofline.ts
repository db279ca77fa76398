import { logarithmic } from "../../../html/scale.ts";
import type { Device, Rates } from "../../device.ts";
import { amount, digits } from "../format.ts";
import { drawn, svg } from "./dom.ts";
import { type KernelLine, total } from "./kernels.ts";
import { heightFor, type Plot, plotOf } from "./plot.ts";

/** Kernels with multiply-adds by how many they do for a byte and a second, under what the device allows at most. */
export const rooflineDrawing = (lines: readonly KernelLine[], device: Device, rates: Rates): HTMLElement => {
  const placed = lines.filter(({ rate, intensity }) => rate > 0 && intensity > 0);
  return drawn(width => {
    const plot = frame(placed, device, rates, width);
    plot.root.setAttribute("role", "img");
    plot.root.setAttribute(
      "aria-label",
      `Roofline of ${placed.length} kernels on ${device.title}; the table has their numbers`,
    );
    plot.root.append(...ceilings(plot, placed, device, rates), ...circles(plot, placed, total(lines), rates));
    return plot.root;
  });
};

const range = (lines: readonly KernelLine[], { bandwidth }: Device, rates: Rates) => {
  const ridge = rates.product / bandwidth;
  const across = [...lines.map(({ intensity }) => intensity), ridge];
  const up = [...lines.map(({ rate }) => rate), rates.product, rates.depthwise];
  const [left, right] = [Math.min(...across) / 2, Math.max(...across) * 2];
  return { left, right, low: Math.min(...up) / 2, high: Math.max(...up) * 2 };
};

function frame(lines: readonly KernelLine[], device: Device, rates: Rates, width: number): Plot {
  const { left, right, low, high } = range(lines, device, rates);
  return plotOf(
    width,
    heightFor(width),
    { title: "MACs for a byte moved, log scale", scale: logarithmic(left, right), text: value => digits(value, 1) },
    {
      title: "MACs a second, log scale",
      scale: logarithmic(low, high),
      text: value => amount(value, "").replace(/\.0+(?= )/, ""),
    },
  );
}

/** Memory's slope, up to the rate of products; and the rate of depthwise convolutions. */
function ceilings(plot: Plot, lines: readonly KernelLine[], device: Device, rates: Rates): readonly Node[] {
  const { bandwidth } = device;
  const { left, right, low } = range(lines, device, rates);
  const start = Math.max(left, low / bandwidth);
  const flat = (rate: number, title: string): readonly Node[] => [
    svg("path", {
      class: "limit",
      d: `M${plot.x(Math.max(left, Math.min(right, rate / bandwidth)))} ${plot.y(rate)}H${plot.x(right)}`,
    }),
    svg(
      "text",
      { class: "halo", x: plot.x(right) - 4, y: plot.y(rate) - 6, "text-anchor": "end" },
      plot.width < narrow ? title : `${title} ${amount(rate, "MAC/s")}`,
    ),
  ];
  const ridge = rates.product / bandwidth;
  const [x1, y1, x2, y2] = [plot.x(start), plot.y(start * bandwidth), plot.x(ridge), plot.y(rates.product)];
  const turn = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  const at = { x: x1 + (x2 - x1) * 0.3, y: y1 + (y2 - y1) * 0.3 };
  return [
    svg("path", { class: "limit", d: `M${x1} ${y1}L${x2} ${y2}` }),
    svg(
      "text",
      { class: "halo", transform: `translate(${at.x} ${at.y}) rotate(${turn}) translate(0 -6)` },
      `memory ${amount(bandwidth, "B/s")}`,
    ),
    ...flat(rates.product, "products"),
    ...flat(rates.depthwise, "depthwise"),
  ];
}

/** Below this width ceilings have no numbers. */
const narrow = 480;

const largest = 16;
const smallest = 3;
const labelRoom = { across: 84, up: 15 };

/** As large as their share of the time; of each kind the largest is named, where there is room. */
function circles(plot: Plot, lines: readonly KernelLine[], whole: number, rates: Rates): readonly Node[] {
  // The ceilings' names stand above their right ends.
  const named = [rates.product, rates.depthwise].map(rate => ({
    kind: "",
    x: plot.width - labelRoom.across,
    y: plot.y(rate) - 6,
  }));
  const marks = lines.map(({ cost, count, rate, intensity, seconds }) => {
    const r = Math.max(smallest, largest * Math.sqrt(seconds / whole));
    const [cx, cy] = [plot.x(intensity), plot.y(rate)];
    const words = `${cost.kind} ×${count}: ${digits(1e6 * seconds)} µs, ${amount(rate, "MAC/s")}, ${digits(intensity)} MAC/B`;
    const circle = svg("circle", { class: "kernel", cx, cy, r }, svg("title", {}, words));
    const isRight = cx > plot.width * 0.6;
    const [x, y] = [isRight ? cx - r - 5 : cx + r + 5, cy + 4];
    const isTaken = named.some(
      other =>
        other.kind === cost.kind || (Math.abs(other.x - x) < labelRoom.across && Math.abs(other.y - y) < labelRoom.up),
    );
    if (isTaken) return { circle, label: [] };
    named.push({ kind: cost.kind, x, y });
    const label = svg("text", { class: "halo strong", x, y, "text-anchor": isRight ? "end" : "start" }, cost.kind);
    return { circle, label: [label] };
  });
  return [...marks.map(({ circle }) => circle), ...marks.flatMap(({ label }) => label)];
}
