import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Normalise the pooled vector where it is made.
 *
 *   %p = meanSites(%x)
 *   %n = normalize(%p) {eps: 0.000001}
 *   ⟶
 *   %p = meanSites(%x) in %p
 *   %n = normalize(%p) {eps: 0.000001} in %p
 */
export const fusePool: Pass = {
  name: "fuse-pool",
  summary: "Normalise the pooled vector in the kernel that makes it",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "meanSites") return null;
      const reader = view.soleReader(node.id);
      const fits = reader?.op === "normalize" || reader?.op === "layernorm";
      return fits ? { anchor: node.id, members: [reader.id] } : null;
    }),
};
