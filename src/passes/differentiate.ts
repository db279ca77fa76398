import { invariant } from "../diagnostics/invariant.ts";
import { adjoints, type Call } from "../graph/adjoints.ts";
import {
  dispatch,
  type Graph,
  type Node,
  nodeOf,
  type Output,
  operand,
  placed,
  type Rewritten,
  readers,
  type ValueId,
} from "../graph/graph.ts";
import { typed } from "../graph/infer.ts";
import type { TensorType } from "../graph/ops.ts";
import { dropDead } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Outputs of this name are gradients of a parameter or an input; inputs, what a loss outside of the graph says of an
 * output.
 */
export const gradientName = (name: string): string => `grad.${name}`;

/**
 * Append to a graph the gradients of its loss, or where it has none of its outputs, given theirs as inputs; from the last node to the first: each node's adjoint gives its operands
 * their shares, which are added up. GRN and LayerNorm must have been split; folded weights are differentiated as they
 * are, so that the gradients of what was folded are sums over weights, and not over maps.
 *
 *   %y = linear(%x, %w, %b)
 *   %loss = crossEntropy(%y, %targets)
 *   return loss: %loss
 *   ⟶
 *   %y = linear(%x, %w, %b)
 *   %loss = crossEntropy(%y, %targets)
 *   %loss.grad = constant() {value: 1}
 *   %y.grad = crossEntropyGrad(%y, %targets, %loss.grad)
 *   %w.grad = linearWeightGrad(%y.grad, %x)
 *   %b.grad = channelSum(%y.grad)
 *   return loss: %loss, grad.w: %w.grad, grad.b: %b.grad
 */
export const differentiate: Pass = {
  name: "differentiate",
  summary: "Append the gradients of the loss with respect to every parameter",
  run: graph => gradients(graph, ({ op }) => op === "param"),
};

/**
 * The same for other leaves, parameters and inputs, of the loss times a scale. What they do not depend on costs nothing.
 */
export const differentiateAs = (wanted: (leaf: Node) => boolean, scale = 1): Pass => ({
  ...differentiate,
  run: graph => gradients(graph, wanted, scale),
});

function gradients(graph: Graph, wanted: (leaf: Node) => boolean, scale = 1): Graph {
  if (graph.outputs.some(({ name }) => name.startsWith(gradientName("")))) return graph;
  const leaves = [...graph.nodes.values()].filter(node => node.inputs.length === 0 && wanted(node));
  const learning = dependents(graph, leaves);
  const flow = flowOver(graph.nodes);
  const read = readers(graph);
  const first = new Map(leaves.map(({ id }) => [id, read.get(id)?.[0]]));

  const loss = graph.outputs.find(({ name }) => name === "loss");
  if (loss !== undefined) flow.give(nodeOf(graph, loss.value), () => constant(scale, nodeOf(graph, loss.value).type));
  else
    for (const { name, value } of graph.outputs) {
      const to = nodeOf(graph, value);
      const { type } = to;
      flow.give(to, () => flow.write({ id: gradientName(name), op: "input", inputs: [], attrs: { type } }, to));
    }
  for (const node of [...graph.nodes.values()].reverse()) {
    const d = learning.has(node.id) && node.inputs.length > 0 ? flow.sum(node) : null;
    if (d === null) continue;
    const adjoint = dispatch(adjoints, node, { d, type: id => nodeOf(graph, id).type });
    if ("none" in adjoint) invariant(false, `${node.op} '${node.id}' has no adjoint: ${adjoint.none}`);
    for (const [index, share] of adjoint.entries()) {
      const to = nodeOf(graph, operand(node, index));
      if (share !== null && learning.has(to.id))
        flow.give(to, () => share((name, call) => flow.write({ ...call, id: `${node.id}.${name}` }, node)));
    }
    // The first reader of a leaf is the last to give it a share: what is added at once is not kept.
    for (const id of new Set(node.inputs)) if (first.get(id) === node) flow.sum(nodeOf(graph, id));
  }
  const outputs = leaves.map((leaf): Output => {
    if (flow.sum(leaf) === null) flow.give(leaf, () => constant(0, leaf.type));
    return { name: gradientName(leaf.id), value: flow.sum(leaf) as ValueId };
  });
  return dropDead({ ...graph, nodes: flow.nodes, outputs: [...graph.outputs, ...outputs] });
}

const constant = (value: number, type: TensorType): Call => ({ op: "constant", inputs: [], attrs: { value, type } });

/** The leaves, and all that depends on them. */
function dependents(graph: Graph, leaves: readonly Node[]): ReadonlySet<ValueId> {
  const found = new Set(leaves.map(({ id }) => id));
  for (const { id, inputs } of graph.nodes.values()) if (inputs.some(input => found.has(input))) found.add(id);
  return found;
}

/** Gradients on their way: the nodes of the graph, and what is appended to them. */
function flowOver(before: Graph["nodes"]) {
  const nodes = new Map(before);
  const given = new Map<ValueId, ValueId[]>();
  const write = (draft: Rewritten, place: Node): ValueId => {
    nodes.set(draft.id, typed(placed(draft, place), nodes));
    return draft.id;
  };
  const fresh = (id: ValueId, from = 2): ValueId => {
    if (!nodes.has(id)) return id;
    return nodes.has(`${id}.${from}`) ? fresh(id, from + 1) : `${id}.${from}`;
  };
  const gradientOf = (id: ValueId): ValueId => fresh(`${id}.grad`);
  return {
    nodes,
    write,
    /** Gives a value a share of its gradient: in its shape, where the share is flat. */
    give(to: Node, share: () => Call | ValueId): void {
      const made = share();
      const bare = typeof made === "string" ? nodeOf({ nodes }, made) : typed(placed({ ...made, id: "" }, to), nodes);
      const fits = bare.type.shape.join() === to.type.shape.join();
      const flat =
        typeof made === "string"
          ? made
          : write({ ...made, id: fits ? gradientOf(to.id) : `${gradientOf(to.id)}.flat` }, to);
      const { type } = to;
      const id = fits ? flat : write({ id: gradientOf(to.id), op: "reshape", inputs: [flat], attrs: { type } }, to);
      given.set(to.id, [...(given.get(to.id) ?? []), id]);
    },
    /** All shares of a value, added in the order in which they were given; null where there is none. */
    sum(of: Node): ValueId | null {
      const shares = given.get(of.id) ?? [];
      const [first] = shares;
      if (first === undefined) return null;
      const whole = shares
        .slice(1)
        .reduce(
          (sum, next) => write({ id: fresh(`${of.id}.grad.sum`), op: "add", inputs: [sum, next], attrs: {} }, of),
          first,
        );
      given.set(of.id, [whole]);
      return whole;
    },
  };
}
