import { type Node, operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Take a patch's pixels out of the image, and standardise them, where they are compared with the prediction, and where the
 * gradient of that is made.
 *
 *   %p = patchify(%image) {size: 32}
 *   %t = standardize(%p) {eps: 0.000001}
 *   %e = siteError(%pred, %t)
 *   ⟶
 *   %p = patchify(%image) {size: 32} in %e
 *   %t = standardize(%p) {eps: 0.000001} in %e
 *   %e = siteError(%pred, %t) in %e
 */
export const fuseLoss: Pass = {
  name: "fuse-loss",
  summary: "Take the target's pixels out of the image in the kernel that compares them",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "siteError" && node.op !== "siteErrorGrad") return null;
      const members: Node[] = [];
      for (const op of ["standardize", "gatherSites", "patchify"] as const) {
        const from = view.node(operand(members.at(-1) ?? node, members.length === 0 ? 1 : 0));
        if (from.op === op) members.push(from);
      }
      const alone = members.every(({ id }) => view.soleReader(id) !== null);
      return members.at(-1)?.op === "patchify" && alone
        ? { anchor: node.id, members: members.map(({ id }) => id) }
        : null;
    }),
};
