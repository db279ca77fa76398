import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Leave a value in the shape that is wanted of it: its elements are the same, in the same order.
 *
 *   %w.grad.flat = linearWeightGrad(%d, %x)
 *   %w.grad = reshape(%w.grad.flat)
 *   ⟶
 *   %w.grad.flat = linearWeightGrad(%d, %x) in %w.grad.flat
 *   %w.grad = reshape(%w.grad.flat) in %w.grad.flat
 */
export const fuseReshape: Pass = {
  name: "fuse-reshape",
  summary: "Leave a gradient in its parameter's shape in the kernel that makes it",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "reshape") return null;
      const from = view.node(operand(node, 0));
      const isMade = from.inputs.length > 0 && view.soleReader(from.id) !== null;
      return isMade ? { anchor: view.anchorOf(from.id), members: [node.id] } : null;
    }),
};
