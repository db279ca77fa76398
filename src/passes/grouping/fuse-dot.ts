import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Apply GELU where a sum of products loads what it is of.
 *
 *   %a.again = gelu(%h) {form: erf}
 *   %s.grad = channelDot(%d, %a.again) {over: sample}
 *   ⟶
 *   %a.again = gelu(%h) {form: erf} in %s.grad
 *   %s.grad = channelDot(%d, %a.again) {over: sample} in %s.grad
 */
export const fuseDot: Pass = {
  name: "fuse-dot",
  summary: "Apply GELU where a sum of products loads what it is of",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "channelDot") return null;
      const gelu = view.node(operand(node, 1));
      const alone = gelu.op === "gelu" && view.anchorOf(gelu.id) === gelu.id && view.soleReader(gelu.id) === node;
      return alone ? { anchor: node.id, members: [gelu.id] } : null;
    }),
};
