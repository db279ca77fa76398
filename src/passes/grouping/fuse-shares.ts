import { isBatched, type Node, operand } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { Pass } from "../pass.ts";
import { type Grouping, group } from "./group.ts";

/** What a share of a weight's gradient is, weight by weight. */
const shares: ReadonlySet<OpName> = new Set(["scaleInputs", "scaleOutputs", "outer"]);

/** Products that a kernel adds: it binds at most seven values, and the sum. */
const mostTerms = 3;

/**
 * Add the shares of a weight's gradient where they are made.
 *
 *   %w.grad = outer(%b.grad, %shift)
 *   %w.grad.2 = scaleInputs(%w.by_norm.grad, %gain)
 *   %w.grad.sum = add(%w.grad, %w.grad.2)
 *   ⟶
 *   %w.grad = outer(%b.grad, %shift) in %w.grad.sum
 *   %w.grad.2 = scaleInputs(%w.by_norm.grad, %gain) in %w.grad.sum
 *   %w.grad.sum = add(%w.grad, %w.grad.2) in %w.grad.sum
 */
export const fuseShares: Pass = {
  name: "fuse-shares",
  summary: "Add the shares of a weight's gradient in one kernel",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "add" || isBatched(node.type)) return null;
      const alone = [0, 1].map(index => view.node(operand(node, index))).filter(from => joins(from, node, view));
      const terms = alone.reduce((sum, from) => sum + termsOf(from, view) - 1, 2);
      return alone.length > 0 && terms <= mostTerms ? { anchor: node.id, members: alone.map(({ id }) => id) } : null;
    }),
};

const joins = (from: Node, node: Node, view: Grouping): boolean =>
  (shares.has(from.op) || (from.op === "add" && view.anchorOf(from.id) === from.id)) &&
  view.soleReader(from.id) === node;

function termsOf(node: Node, view: Grouping): number {
  if (node.op !== "add") return 1;
  return [0, 1]
    .map(index => view.node(operand(node, index)))
    .reduce((sum, from) => sum + (view.anchorOf(from.id) === node.id ? termsOf(from, view) : 1), 0);
}
