import {
  type Graph,
  isMap,
  type Node,
  nodeOf,
  operand,
  placed,
  type Rewritten,
  readers,
  sites,
  type ValueId,
} from "../graph/graph.ts";
import { typed } from "../graph/infer.ts";
import { opTraits, type PatchGrid } from "../graph/ops.ts";
import { dropDead } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Predict what the loss looks at alone: where nobody else wants the prediction, it is made of removed patches, as far up from
 * the loss as every op on the way is per site. Its gradient then is that of these patches too.
 *
 *   %p = linear(%y, %w, %b)
 *   %e = siteError(%p, %t)
 *   %loss = maskedMean(%e, %mask)
 *   ⟶
 *   %mask.removed = complement(%mask)
 *   %mask.removed.table = patchTable(%mask.removed) {rows: 2, columns: 2, keep: 3}
 *   %y.removed = gatherSites(%y, %mask.removed.table) {rows: 2, columns: 2, keep: 3}
 *   %p = linear(%y.removed, %w, %b)
 *   %t.removed = gatherSites(%t, %mask.removed.table) {rows: 2, columns: 2, keep: 3}
 *   %e = siteError(%p, %t.removed)
 *   %e.whole = scatterSites(%e, %mask.removed.table) {rows: 2, columns: 2, keep: 3}
 *   %loss = maskedMean(%e.whole, %mask)
 */
export const compactLoss: Pass = {
  name: "compact-loss",
  summary: "Predict removed patches alone, where only the loss wants the prediction",
  run: graph => {
    const mean = [...graph.nodes.values()].find(node => node.op === "maskedMean");
    const errors = mean && nodeOf(graph, operand(mean, 0));
    const kept = keptPatches(graph);
    if (errors?.op !== "siteError" || kept === null) return graph;
    const read = readers(graph);
    const outputs = new Set(graph.outputs.map(({ value }) => value));
    const alone = (id: ValueId): boolean => read.get(id)?.length === 1 && !outputs.has(id);
    const mask = operand(mean as Node, 1);
    const { height: rows, width: columns } = sites(nodeOf(graph, operand(errors, 0)).type);
    const grid: PatchGrid = { rows, columns, keep: rows * columns - kept };
    if (!alone(errors.id) || grid.keep === 0) return graph;

    /** Values that are made of removed patches, and those of which these are taken. */
    const compact = new Set<ValueId>();
    const gathered = new Set<ValueId>();
    const climb = (id: ValueId): void => {
      const node = nodeOf(graph, id);
      if (!opTraits[node.op].perSite || !alone(id)) gathered.add(id);
      else {
        compact.add(id);
        for (const input of node.inputs) if (isMap(nodeOf(graph, input).type)) climb(input);
      }
    };
    for (const input of errors.inputs) climb(input);
    compact.add(errors.id);

    const [removed, table] = [`${mask}.removed`, `${mask}.removed.table`];
    const nodes = new Map<ValueId, Node>();
    const emit = (draft: Rewritten, place: Node): ValueId => {
      nodes.set(draft.id, typed(placed(draft, place), nodes));
      return draft.id;
    };
    /** What removed patches hold of a value on the whole map, taken when it is wanted. */
    const taken = (id: ValueId): ValueId => {
      const draft = { id: `${id}.removed`, op: "gatherSites", inputs: [id, table], attrs: grid } as const;
      return nodes.has(draft.id) ? draft.id : emit(draft, nodeOf(graph, id));
    };
    const begin = nodeOf(graph, mask);
    for (const node of graph.nodes.values()) if (node.op === "input") emit(node, node);
    emit({ id: removed, op: "complement", inputs: [mask], attrs: {} }, begin);
    emit({ id: table, op: "patchTable", inputs: [removed], attrs: grid }, begin);
    for (const node of graph.nodes.values()) {
      if (node === mean) {
        const draft = {
          id: `${errors.id}.whole`,
          op: "scatterSites",
          inputs: [errors.id, table],
          attrs: grid,
        } as const;
        emit({ ...node, inputs: [emit(draft, node), mask] }, node);
      } else if (compact.has(node.id)) {
        emit({ ...node, inputs: node.inputs.map(id => (gathered.has(id) ? taken(id) : id)) }, node);
      } else emit(node, node);
    }
    return dropDead({ ...graph, nodes });
  },
};

/** How many patches the encoder sees. */
function keptPatches(graph: Graph): number | null {
  for (const { op, attrs } of graph.nodes.values())
    if (op === "maskSites" || op === "fillSites" || op === "scatterSites") return attrs.keep;
  return null;
}
