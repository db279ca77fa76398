import {
  type Graph,
  isMap,
  type Node,
  nodeOf,
  operand,
  type Place,
  placed,
  type Rewritten,
  readers,
  type ValueId,
} from "../graph/graph.ts";
import { typed } from "../graph/infer.ts";
import { opTraits, type PatchGrid } from "../graph/ops.ts";
import { dropDead } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";
import { type SiteLayout, siteLayouts, stageOf } from "./site-layout.ts";

/**
 * Keep only what a mask leaves: the stages of a masked encoder that are cheaper so run on kept patches alone, in compact
 * layout, where nothing but the depthwise convolution knows of space. Patches are gathered as early as the ops before
 * them allow, which is from the image, and put back in place before an op that needs the whole map.
 *
 *   %v = maskSites(%x, %mask) {rows: 2, columns: 2, keep: 1}
 *   %d = depthwise(%v, %w, %b) {kernel: 3}
 *   %m = maskSites(%d, %mask) {rows: 2, columns: 2, keep: 1}
 *   %o = toChannelsFirst(%m)
 *   ⟶
 *   %mask.table = patchTable(%mask) {rows: 2, columns: 2, keep: 1}
 *   %x.visible = gatherSites(%x, %mask.table) {rows: 2, columns: 2, keep: 1}
 *   %d = siteDepthwise(%x.visible, %w, %b, %mask.table) {kernel: 3, rows: 2, columns: 2, keep: 1}
 *   %d.whole = scatterSites(%d, %mask.table) {rows: 2, columns: 2, keep: 1}
 *   %o = toChannelsFirst(%d.whole)
 */
export const compactSites: Pass = compactSitesAs("auto");

/** The same with the layout of all stages decided: `compact`, or `masked`, which leaves the graph as it is. */
export function compactSitesAs(layout: SiteLayout): Pass {
  return {
    name: "compact-sites",
    summary: "Run the stages of a masked encoder on kept patches alone",
    run: graph => compactStages(graph, siteLayouts[layout](graph)),
  };
}

/** The same with the compact stages named, by the rows of their maps. */
export function compactStages(graph: Graph, stages: ReadonlySet<number>): Graph {
  const masks = [...graph.nodes.values()].filter(node => node.op === "maskSites");
  const [first] = masks;
  if (first === undefined || stages.size === 0) return graph;
  const { rows, columns, keep } = first.attrs;
  const grid: PatchGrid = { rows, columns, keep };
  const mask = operand(first, 1);
  const table = `${mask}.table`;
  const goesCompact = (node: Node<"maskSites">): boolean => stages.has(stageOf(node));
  const gathered = gathering(graph, masks.filter(goesCompact));

  const nodes = new Map<ValueId, Node>();
  /** What stands for a value in compact layout, and for one that is compact on the whole map. */
  const visible = new Map<ValueId, ValueId>();
  const whole = new Map<ValueId, ValueId>();
  const emit = (draft: Rewritten, place: Place): ValueId => {
    nodes.set(draft.id, typed(placed(draft, place), nodes));
    return draft.id;
  };
  /** The value on the whole map, zero in removed patches. */
  const dense = (id: ValueId): ValueId => {
    const from = visible.get(id);
    if (from === undefined || nodes.get(id)?.type.shape.join() === nodeOf(graph, id).type.shape.join()) return id;
    const known = whole.get(from);
    if (known !== undefined) return known;
    const made = emit(
      { id: `${from}.whole`, op: "scatterSites", inputs: [from, table], attrs: grid },
      nodeOf({ nodes }, from),
    );
    whole.set(from, made);
    return made;
  };

  for (const node of graph.nodes.values()) if (node.op === "input") emit(node, node);
  emit({ id: table, op: "patchTable", inputs: [mask], attrs: grid }, first);
  for (const node of graph.nodes.values()) {
    const { id, inputs } = node;
    const from = inputs[0] === undefined ? undefined : visible.get(inputs[0]);
    if (node.op === "maskSites") {
      if (goesCompact(node)) visible.set(id, from as ValueId);
      else if (from === undefined) emit(node, node);
      else emit({ ...node, op: "scatterSites", inputs: [from, table] }, node);
    } else if (node.op === "fillSites" && from !== undefined) {
      emit({ ...node, op: "scatterSites", inputs: [from, table, operand(node, 2)] }, node);
    } else if (node.op === "depthwise" && from !== undefined) {
      const inputs = [from, operand(node, 1), operand(node, 2), table];
      visible.set(id, emit({ ...node, op: "siteDepthwise", inputs, attrs: { ...node.attrs, ...grid } }, node));
    } else if (opTraits[node.op].perSite && from !== undefined) {
      visible.set(id, emit({ ...node, inputs: inputs.map(input => visible.get(input) ?? input) }, node));
    } else {
      emit({ ...node, inputs: inputs.map(dense) }, node);
    }
    if (gathered.has(id))
      visible.set(id, emit({ id: gatheredId(graph, id), op: "gatherSites", inputs: [id, table], attrs: grid }, node));
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: dense(value) }));
  return dropDead({ ...graph, nodes, outputs });
}

/**
 * Where whole maps become compact ones: the values to gather, as far up from the masks as every op on the way is per site
 * and read by the way alone.
 */
function gathering(graph: Graph, masks: readonly Node[]): ReadonlySet<ValueId> {
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const gathered = new Set<ValueId>();
  const masked = new Set(masks.map(node => node.id));
  /** What comes from a compact value is compact already. */
  const follows = (id: ValueId): boolean => {
    const node = nodeOf(graph, id);
    if (masked.has(id)) return true;
    return (
      (opTraits[node.op].perSite || node.op === "depthwise") &&
      node.inputs.some(input => isMap(nodeOf(graph, input).type) && follows(input))
    );
  };
  const climb = (id: ValueId): void => {
    const node = nodeOf(graph, id);
    const alone = read.get(id)?.length === 1 && !outputs.has(id);
    if (!opTraits[node.op].perSite || !alone) gathered.add(id);
    else for (const input of node.inputs) if (isMap(nodeOf(graph, input).type)) climb(input);
  };
  for (const node of masks) {
    const x = operand(node, 0);
    if (!follows(x)) climb(x);
  }
  return gathered;
}

/** A tap that is put on the same value may have the plain name already, for what its mask leaves of the whole map. */
const gatheredId = (graph: Graph, id: ValueId): ValueId =>
  graph.nodes.has(`${id}.visible`) ? `${id}.compact` : `${id}.visible`;
