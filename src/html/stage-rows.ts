import { escapeHtml } from "./page.ts";

/** A stage's maps, and the blocks that make them. */
export interface StageShape {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly blocks: number;
  /** Side of the depthwise kernel. */
  readonly kernel: number;
}

/** Pixels of the highest map. */
const tallest = 72;

/**
 * The stages of a network drawn to one scale, a row each: as high as a map has rows, as wide as it has channels, and one
 * slab a block. Goes with `stageRowsStyle` and the colours of `page`.
 */
export function stageRows(stages: readonly StageShape[]): string {
  const rows = Math.max(1, ...stages.map(({ height }) => height));
  const channels = Math.max(1, ...stages.map(stage => stage.blocks * stage.channels));
  return `<div class="stages" role="list">\n${stages.map(stage => rowOf(stage, rows, channels)).join("\n")}\n</div>`;
}

function rowOf({ name, height, width, channels, blocks, kernel }: StageShape, rows: number, most: number): string {
  const gap = Math.min(0.1 * channels, most / 400);
  const slabs = Array.from(
    { length: blocks },
    (_, i) => `<rect x="${i * channels}" width="${round(channels - gap)}" height="1"/>`,
  );
  return (
    `<div class="stage-row" role="listitem"><span class="stage-name">${escapeHtml(name)}</span>` +
    `<svg viewBox="0 0 ${most} 1" preserveAspectRatio="none" style="height:${round((tallest * height) / rows)}px" aria-hidden="true">${slabs.join("")}</svg>` +
    `<span class="stage-size">${height} × ${width} × ${channels}</span>` +
    `<span class="stage-size">${blocks} ${blocks === 1 ? "block" : "blocks"} of ${kernel} × ${kernel}</span></div>`
  );
}

export const stageRowsStyle = `.stages { font-variant-numeric: tabular-nums; }
.stage-row { display: grid; grid-template-columns: 6rem 1fr 8.5rem 8.5rem; align-items: center; gap: 1rem; padding: 0.375rem 0; }
.stage-row svg { display: block; width: 100%; min-height: 2px; fill: var(--bar); }
.stage-size { color: var(--soft); white-space: nowrap; }
@media (max-width: 44rem) {
  .stage-row { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; padding: 0.5rem 0; font-size: 0.875rem; }
  .stage-row svg { order: 1; margin-top: 0.25rem; }
}
`;

const round = (pixels: number): number => Math.round(pixels * 100) / 100;
