import { type Graph, type Node, nodeOf, readers, type ValueId } from "../graph/graph.ts";
import { typed } from "../graph/infer.ts";
import type { OpName } from "../graph/ops.ts";
import { dropDead } from "../graph/rewrite.ts";
import { gradientName } from "./differentiate.ts";
import type { Pass } from "./pass.ts";

/** What is cheaper to make again than to keep until the backward pass comes to it. */
const cheap: ReadonlySet<OpName> = new Set([
  "toChannelsLast",
  "gatherSites",
  "patchify",
  "standardize",
  "gelu",
  "scaleChannels",
]);

/** What is made of a large value and is small: made while that is there, so that only this is kept. */
const early: ReadonlySet<OpName> = new Set(["inverseDeviation"]);

/**
 * Make again for the backward pass what the forward pass makes with next to no work, for each that reads it, so that it need
 * not be kept, and is read by one kernel alone, which takes it in; and make early what sums a map up, so that the map
 * need not be kept for it.
 *
 *   %x = toChannelsLast(%image)
 *   %y = patchConv(%x, %w, %b) {size: 4}
 *   %w.grad = patchConvWeightGrad(%d, %x) {size: 4}
 *   ⟶
 *   %x = toChannelsLast(%image)
 *   %y = patchConv(%x, %w, %b) {size: 4}
 *   %x.again = toChannelsLast(%image)
 *   %w.grad = patchConvWeightGrad(%d, %x.again) {size: 4}
 */
export const rematerialise: Pass = {
  name: "rematerialise",
  summary: "Make again for the backward pass what is cheaper to make than to keep",
  run: graph => {
    const forward = forwardOf(graph);
    const nodes = new Map<ValueId, Node>();
    const emit = (node: Node): ValueId => {
      nodes.set(node.id, typed(node, nodes));
      return node.id;
    };
    const fresh = (id: ValueId, from = 2): ValueId => {
      if (!nodes.has(id)) return id;
      return nodes.has(`${id}.${from}`) ? fresh(id, from + 1) : `${id}.${from}`;
    };
    const again = (id: ValueId): ValueId => {
      const node = nodeOf(graph, id);
      if (!forward.has(id) || !cheap.has(node.op)) return id;
      return emit({ ...node, id: fresh(`${id}.again`), inputs: node.inputs.map(again) });
    };
    const read = readers(graph);
    for (const node of graph.nodes.values()) {
      if (nodes.has(node.id)) continue;
      emit(forward.has(node.id) ? node : { ...node, inputs: node.inputs.map(again) });
      const kept = forward.has(node.id) && !cheap.has(node.op);
      for (const reader of kept ? (read.get(node.id) ?? []) : []) if (early.has(reader.op)) emit(reader);
    }
    return dropDead({ ...graph, nodes });
  },
};

/** What the outputs that are no gradients need. */
function forwardOf(graph: Graph): ReadonlySet<ValueId> {
  const outputs = graph.outputs.filter(({ name }) => !name.startsWith(gradientName("")));
  const found = new Set(outputs.map(({ value }) => value));
  for (const { id, inputs } of [...graph.nodes.values()].reverse())
    if (found.has(id)) for (const input of inputs) found.add(input);
  return found;
}
