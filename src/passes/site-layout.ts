import { channels, elements, type Graph, type Node, nodeOf, operand, sites, type ValueId } from "../graph/graph.ts";

/** How the stages of a masked encoder are computed: as is cheapest for each, or all alike. */
export type SiteLayout = "auto" | "compact" | "masked";

/** What a stage costs an image, in multiply-adds and what moving its values is worth in them. */
export interface StageCost {
  /** Rows of the stage's maps, which tell it from the others. */
  readonly stage: number;
  /** Sites of the whole map, and of the kept patches. */
  readonly sites: number;
  readonly kept: number;
  readonly compact: number;
  readonly masked: number;
}

/** An element of a result is worth so many multiply-adds, to write and to read again. */
const perElement = 8;
/** A tap of the compact depthwise convolution, which finds its patch first, is worth so many of the whole map's. */
const perSiteTap = 1.25;

/** The stage that a node on a whole map belongs to. */
export const stageOf = (node: Node): number => sites(node.type).height;

/** Costs of every stage, from the first to the last. */
export function stageCosts(graph: Graph): readonly StageCost[] {
  const found = new Map<number, { sites: number; kept: number; same: number; taps: number }>();
  for (const node of graph.nodes.values()) {
    if (node.op !== "maskSites") continue;
    const { rows, columns, keep } = node.attrs;
    const { height, width } = sites(node.type);
    const kept = (height * width * keep) / (rows * columns);
    found.set(height, { sites: height * width, kept, same: 0, taps: 0 });
  }
  for (const node of beforeMasks(graph)) {
    const cost = node.type.shape.length === 4 ? found.get(sites(node.type).height) : undefined;
    if (cost === undefined) continue;
    const each = elements(node.type) / cost.sites;
    const inputs = channels(nodeOf(graph, operand(node, 0)).type);
    cost.same += perElement * each;
    if (node.op === "depthwise") cost.taps += each * node.attrs.kernel ** 2;
    if (node.op === "linear") cost.same += each * inputs;
    if (node.op === "patchConv") cost.same += each * inputs * node.attrs.size ** 2;
  }
  return [...found].map(([stage, { sites, kept, same, taps }]) => ({
    stage,
    sites,
    kept,
    compact: kept * (same + taps * perSiteTap),
    masked: sites * (same + taps),
  }));
}

/** What the masks are put on, and all before it: the encoder. */
function beforeMasks(graph: Graph): readonly Node[] {
  const wanted = new Set<ValueId>();
  const found: Node[] = [];
  for (const node of [...graph.nodes.values()].reverse()) {
    if (node.op !== "maskSites" && !wanted.has(node.id)) continue;
    for (const id of node.inputs) wanted.add(id);
    if (node.inputs.length > 0) found.push(node);
  }
  return found;
}

/** The stages to run in compact layout, under each choice. */
export const siteLayouts: { readonly [K in SiteLayout]: (graph: Graph) => ReadonlySet<number> } = {
  auto: graph => new Set(stageCosts(graph).flatMap(cost => (cost.compact < cost.masked ? [cost.stage] : []))),
  compact: graph => new Set(stageCosts(graph).map(({ stage }) => stage)),
  masked: () => new Set(),
};
