import { isBatched, type Node } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { Pass } from "../pass.ts";
import { type Grouping, group } from "./group.ts";

/** What makes a value of a map of the values at its place, and of its channel's. */
const pointwise: ReadonlySet<OpName> = new Set(["gelu", "geluGrad", "scaleChannels", "shiftChannels", "add"]);

/** Values that a kernel binds at most, its result among them. */
const mostBound = 8;

/**
 * Compute in one go, value by value, what passes of the backward pass over one map after the other would.
 *
 *   %a.again = gelu(%h) {form: erf}
 *   %a.grad = scaleChannels(%a.again, %k)
 *   %h.grad = geluGrad(%h, %a.grad) {form: erf}
 *   ⟶
 *   %a.again = gelu(%h) {form: erf} in %h.grad
 *   %a.grad = scaleChannels(%a.again, %k) in %h.grad
 *   %h.grad = geluGrad(%h, %a.grad) {form: erf} in %h.grad
 */
export const fusePointwise: Pass = {
  name: "fuse-pointwise",
  summary: "Compute what is made value by value in one kernel",
  run: graph =>
    group(graph, (node, view) => {
      if (!isPointwise(node) || view.anchorOf(node.id) !== node.id) return null;
      const alone = node.inputs.map(view.node).filter(from => joins(from, node, view));
      return alone.length > 0 && boundBy(node, alone, view) < mostBound
        ? { anchor: node.id, members: alone.map(({ id }) => id) }
        : null;
    }),
};

const isPointwise = ({ op, type }: Node): boolean => pointwise.has(op) && isBatched(type) && type.shape.length === 4;

const joins = (from: Node, node: Node, view: Grouping): boolean =>
  isPointwise(from) && isPointwise(view.node(view.anchorOf(from.id))) && view.soleReader(from.id) === node;

/** Values that a kernel of a node would read, were it to take others in with all that is in theirs. */
function boundBy(node: Node, taken: readonly Node[], view: Grouping): number {
  const read = new Set<string>();
  const visit = ({ inputs }: Node, isTaken: (from: Node) => boolean): void => {
    for (const from of inputs.map(view.node)) {
      if (!isTaken(from)) read.add(from.id);
      else visit(from, ({ id }) => view.anchorOf(id) === view.anchorOf(from.id));
    }
  };
  visit(node, from => taken.includes(from));
  return read.size;
}
