import { bytesText } from "./figures.ts";
import { escapeHtml } from "./page.ts";

/** Scratch memory over the steps of a pass. */
export interface MemoryTimeline {
  /** Bytes of each arena. */
  readonly arenas: readonly number[];
  /** In order; `part` names the stretch of the network that a step belongs to. */
  readonly steps: readonly { readonly name: string; readonly part: string }[];
  readonly buffers: readonly MemoryBuffer[];
}

/** A value in scratch memory: alive from the step that writes it to the last that reads it, both included. */
export interface MemoryBuffer {
  readonly name: string;
  readonly arena: number;
  /** Bytes into its arena, and how many it takes. */
  readonly offset: number;
  readonly bytes: number;
  /** Indices of steps. */
  readonly from: number;
  readonly to: number;
}

/** Of the drawing, in pixels at its natural size. */
const width = 1040;
const bytesHeight = 340;
const labelHeight = 20;
/** No buffer is thinner: it would not be seen. */
const hairline = 0.75;

/**
 * An SVG drawn to scale: steps from left to right, bytes downwards within each arena, one rectangle a buffer that says on
 * hover what it is. Goes with `memoryTimelineStyle` and the colours of `page`; it is wider than a phone, so put it into
 * something that scrolls.
 */
export function memoryTimeline({ arenas, steps, buffers }: MemoryTimeline): string {
  const all = Math.max(
    1,
    arenas.reduce((sum, bytes) => sum + bytes, 0),
  );
  const scale = bytesHeight / all;
  const column = width / Math.max(1, steps.length);
  const tops = arenas.map((_, i) =>
    arenas.slice(0, i).reduce((y, bytes) => y + bytes * scale + labelHeight, labelHeight),
  );
  const end = (tops.at(-1) ?? 0) + (arenas.at(-1) ?? 0) * scale;
  const height = end + 2 * labelHeight;
  const grounds = arenas.map(
    (bytes, i) =>
      `<rect class="arena" x="0" y="${round(tops[i] as number)}" width="${width}" height="${round(Math.max(hairline, bytes * scale))}"/>`,
  );
  const names = arenas.map(
    (bytes, i) => `<text x="0" y="${round((tops[i] as number) - 6)}">arena ${i}, ${bytesText(bytes)}</text>`,
  );
  const marks = partsOf(steps).map(({ part, from }, i) => {
    const x = from * column;
    const y = end + (i % 2 === 0 ? 1 : 2) * labelHeight - 5;
    const late = x > width - 90;
    return {
      line: `<line x1="${round(x)}" x2="${round(x)}" y1="${labelHeight}" y2="${round(y)}"/>`,
      name: `<text x="${round(late ? width : x + 4)}" y="${round(y)}"${late ? ' text-anchor="end"' : ""}>${escapeHtml(part)}</text>`,
    };
  });
  const rects = buffers.map(buffer => {
    const x = buffer.from * column;
    const y = (tops[buffer.arena] as number) + buffer.offset * scale;
    const w = (buffer.to - buffer.from + 1) * column;
    return (
      `<rect class="buffer" x="${round(x + 0.5)}" y="${round(y)}" width="${round(Math.max(hairline, w - 1))}" ` +
      `height="${round(Math.max(hairline, buffer.bytes * scale))}"><title>${escapeHtml(bufferTitle(buffer, steps))}</title></rect>`
    );
  });
  return (
    `<svg class="memory" role="img" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" ` +
    `aria-label="Scratch memory over ${steps.length} steps: ${buffers.length} buffers in ${arenas.length} arenas of ${bytesText(all)}">\n` +
    `${[...grounds, ...marks.map(({ line }) => line), ...rects, ...names, ...marks.map(({ name }) => name)].join("\n")}\n</svg>`
  );
}

export const memoryTimelineStyle = `.memory { display: block; width: 100%; min-width: 60rem; height: auto; font-size: 12px; font-variant-numeric: tabular-nums; }
.memory text { fill: var(--soft); stroke: var(--sheet); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; pointer-events: none; }
.memory line { stroke: var(--line); }
.memory .arena { fill: var(--line); fill-opacity: 0.45; }
.memory .buffer { fill: var(--bar); fill-opacity: 0.8; }
.memory .buffer:hover { fill-opacity: 1; stroke: var(--ink); }
`;

const bufferTitle = ({ name, arena, offset, bytes, from, to }: MemoryBuffer, steps: MemoryTimeline["steps"]): string =>
  `${name}\n${bytesText(bytes)} in arena ${arena} at ${offset}\n` +
  `from step ${from + 1}, ${steps[from]?.name ?? ""}\nto step ${to + 1}, ${steps[to]?.name ?? ""}`;

/** Where each stretch of steps of one part begins. */
function partsOf(steps: MemoryTimeline["steps"]): readonly { readonly part: string; readonly from: number }[] {
  return steps.flatMap(({ part }, from) => (steps[from - 1]?.part === part ? [] : [{ part, from }]));
}

const round = (pixels: number): number => Math.round(pixels * 100) / 100;
