import { invariant } from "../diagnostics/invariant.ts";
import type { Draft, Graph, Node, ValueId } from "./graph.ts";
import { typed } from "./infer.ts";
import type { OpName, TensorType } from "./ops.ts";
import { blockPath } from "./scope.ts";

/**
 * Throws InternalError unless the graph is well formed: defined before use, types as inferred, the batch only first,
 * names in a block begin with its path, outputs there, groups convex and, where `legal` is given, no op outside it. `where` is the pass to blame.
 */
export function verify(graph: Graph, where: string, legal?: ReadonlySet<OpName>): Graph {
  const blame: Blame = (condition, what) => {
    if (!condition) invariant(false, `${graph.name}, after ${where}: ${what()}`);
  };
  const before = new Map<ValueId, Node>();
  for (const [id, node] of graph.nodes) {
    blame(id === node.id, () => `'${id}' is filed under another name than '${node.id}'`);
    blame(legal?.has(node.op) ?? true, () => `${node.op} '${id}' is not an op of this target`);
    const inferred = typed(node as Draft, before).type;
    blame(
      same(inferred, node.type),
      () => `${node.op} '${id}' says [${node.type.shape}], inference [${inferred.shape}]`,
    );
    blame(
      node.type.shape.every((d, axis) => (d === "N" ? axis === 0 : Number.isInteger(d) && d > 0)),
      () => `'${id}' has the shape [${node.type.shape}]`,
    );
    const block = blockPath(node.scope);
    blame(block === null || id === block || id.startsWith(`${block}.`), () => `'${id}' is said to be in ${block}`);
    before.set(id, node);
  }
  blame(graph.outputs.length > 0, () => "no outputs");
  for (const { name, value } of graph.outputs)
    blame(graph.nodes.has(value), () => `output ${name} is '${value}', which is gone`);
  verifyGroups(graph, blame);
  return graph;
}

const same = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && a.shape.join() === b.shape.join();

/** The sentence is made when it is needed. */
type Blame = (condition: boolean, what: () => string) => void;

/** Members exist, a group contains the node it is named after, and no path leaves a group and comes back. */
function verifyGroups(graph: Graph, blame: Blame): void {
  for (const [member, anchor] of graph.groups) {
    blame(
      graph.nodes.has(member) && graph.nodes.has(anchor),
      () => `'${member}' is grouped with '${anchor}', one of them is gone`,
    );
    blame(graph.groups.get(anchor) === anchor, () => `'${anchor}' names a group it is not in`);
  }
  const order = [...graph.nodes.values()];
  const stretches = new Map<ValueId, { readonly from: number; to: number }>();
  for (const [i, { id }] of order.entries()) {
    const anchor = graph.groups.get(id);
    const stretch = anchor === undefined ? undefined : stretches.get(anchor);
    if (stretch !== undefined) stretch.to = i;
    else if (anchor !== undefined) stretches.set(anchor, { from: i, to: i });
  }
  for (const [anchor, { from, to }] of stretches) verifyConvex(graph, anchor, order.slice(from, to + 1), blame);
}

/** No path leaves the group and comes back; `stretch` is the graph from its first member to its last. */
function verifyConvex(graph: Graph, anchor: ValueId, stretch: readonly Node[], blame: Blame): void {
  /** What lies on paths out of the group. */
  const left = new Set<ValueId>();
  for (const { id, inputs } of stretch) {
    const own = graph.groups.get(id) === anchor;
    const returns = inputs.some(input => left.has(input));
    blame(!(own && returns), () => `a path leaves the group of '${anchor}' and comes back at '${id}'`);
    if (!own && (returns || inputs.some(input => graph.groups.get(input) === anchor))) left.add(id);
  }
}
