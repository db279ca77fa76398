import { as, operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Add the residual, and hide removed patches, where the second linear holds its results in registers.
 *
 *   %y = linear(%h, %w, %b)
 *   %z = add(%y, %x)
 *   ⟶
 *   %y = linear(%h, %w, %b) in %y
 *   %z = add(%y, %x) in %y
 */
export const fuseResidual: Pass = {
  name: "fuse-residual",
  summary: "Add the residual in the kernel of the second linear",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "linear") return null;
      const reader = view.soleReader(node.id);
      const add = reader && as(reader, "add");
      if (!add || operand(add, 0) !== node.id) return null;
      const next = view.soleReader(add.id);
      return { anchor: node.id, members: [add.id, ...(next?.op === "maskSites" ? [next.id] : [])] };
    }),
};
