import type { StageShape } from "../../result.ts";
import { drawn, el, sized, svg } from "./dom.ts";

/** Pixels of a site, up and into the depth, of a channel, and of a letter below. */
interface Measure {
  readonly site: number;
  readonly channel: number;
  readonly character: number;
}

const tallest = 120;
const mostSite = 6;
/** How much of the depth is seen. */
const slant = 0.32;
const gap = 12;
/** Below this width words are smaller; the style sheet says how large. */
const narrow = 480;
const characterFor = (width: number): number => (width < narrow ? 6.2 : 7.6);

const sizeText = ({ height, width, dim }: StageShape): string => `${height}×${width}×${dim}`;
const blockText = ({ depth }: StageShape): string => `${depth} ${depth === 1 ? "block" : "blocks"}`;

/** Room that a stage takes across: its blocks with their depth, or its words. */
const roomOf = (stage: StageShape, { site, channel, character }: Measure): number =>
  Math.max(
    stage.depth * stage.dim * channel + stage.width * site * slant,
    sizeText(stage).length * character,
    blockText(stage).length * character,
  ) + gap;

/** The largest measure in which all of these networks fit this width. */
function measureFor(networks: readonly (readonly StageShape[])[], width: number): Measure {
  const highest = Math.max(...networks.flat().map(({ height, width }) => Math.max(height, width)));
  const site = Math.min(mostSite, tallest / highest);
  const character = characterFor(width);
  const fits = (channel: number): boolean =>
    networks.every(
      stages => stages.reduce((sum, stage) => sum + roomOf(stage, { site, channel, character }), 0) <= width,
    );
  let [low, high] = [0, 1];
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { site, channel: low, character };
}

/** Networks below each other in one measure: each stage as tall and deep as its map, as long as its channels times blocks. */
export const stagesDrawing = (
  networks: readonly { readonly title: string; readonly stages: readonly StageShape[] }[],
): HTMLElement =>
  el(
    "div",
    { class: "sheet" },
    ...networks.map(({ title, stages }) =>
      el(
        "figure",
        {},
        ...(networks.length > 1 ? [el("figcaption", {}, title)] : []),
        drawn(width =>
          network(
            title,
            stages,
            measureFor(
              networks.map(network => network.stages),
              width,
            ),
            width,
          ),
        ),
      ),
    ),
    el(
      "p",
      { class: "note" },
      "To scale: a stage is as tall and as deep as its map of sites, and as long as its channels times its blocks. A slice is a block.",
    ),
  );

function network(title: string, stages: readonly StageShape[], measure: Measure, width: number): Element {
  const top = Math.max(...stages.map(stage => (stage.height + stage.width * slant) * measure.site));
  const base = Math.ceil(top) + 4;
  const words = stages.map((stage, i) => `stage ${i}: ${sizeText(stage)}, ${blockText(stage)}`).join("; ");
  const root = svg("svg", {
    class: width < narrow ? "stages narrow" : "stages",
    role: "img",
    "aria-label": `${title}: ${words}`,
    ...sized(width, base + 40),
  });
  let x = 1;
  for (const stage of stages) {
    root.append(...solid(stage, measure, x, base), ...label(stage, x, base));
    x += roomOf(stage, measure);
  }
  return root;
}

/** Front, top and end of a stage, with a line between its blocks. */
function solid({ height, width, dim, depth }: StageShape, { site, channel }: Measure, x: number, base: number) {
  const long = Math.max(1, depth * dim * channel);
  const high = height * site;
  const deep = width * site * slant;
  const top = base - high;
  const between = Array.from({ length: depth - 1 }, (_, i) => x + ((i + 1) * long) / depth);
  const cuts = between.map(at => `M${at} ${base}V${top}l${deep} ${-deep}`).join("");
  return [
    svg("path", { class: "face", d: `M${x} ${base}V${top}h${long}V${base}z` }),
    svg("path", { class: "face lit", d: `M${x} ${top}l${deep} ${-deep}h${long}l${-deep} ${deep}z` }),
    svg("path", { class: "face shaded", d: `M${x + long} ${base}V${top}l${deep} ${-deep}V${base - deep}z` }),
    svg("path", { class: "cut", d: cuts }),
  ];
}

const label = (stage: StageShape, x: number, base: number): readonly Node[] => [
  svg("text", { class: "strong", x, y: base + 18 }, sizeText(stage)),
  svg("text", { x, y: base + 34 }, blockText(stage)),
];
