import { type Graph, type Node, nodeOf, type ValueId } from "../graph/graph.ts";
import { typed } from "../graph/infer.ts";
import type { OpName } from "../graph/ops.ts";
import { dropDead } from "../graph/rewrite.ts";
import { gradientName } from "./differentiate.ts";
import type { Pass } from "./pass.ts";

/** What is cheaper to make again than to keep until the backward pass comes to it. */
const cheap: ReadonlySet<OpName> = new Set(["toChannelsLast", "gatherSites", "patchify", "standardize"]);

/**
 * Make again for the backward pass what the forward pass makes with next to no work, so that it need not be kept, and is
 * still read by one kernel alone in the forward pass, which takes it in.
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
    const again = (id: ValueId): ValueId => {
      const node = nodeOf(graph, id);
      if (!forward.has(id) || !cheap.has(node.op)) return id;
      const copy = `${id}.again`;
      return nodes.has(copy) ? copy : emit({ ...node, id: copy, inputs: node.inputs.map(again) });
    };
    for (const node of graph.nodes.values())
      emit(forward.has(node.id) ? node : { ...node, inputs: node.inputs.map(again) });
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
