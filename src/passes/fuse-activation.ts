import { as } from "../graph/graph.ts";
import { group } from "./group.ts";
import type { Pass } from "./pass.ts";

/**
 * Apply GELU, hide removed patches, and sum the squares that GRN needs, where the first linear holds its results in
 * registers.
 *
 *   %y = linear(%x, %w, %b)
 *   %a = gelu(%y) {form: erf}
 *   %g.squares = sumSquares(%a) {over: sample}
 *   ⟶
 *   %y = linear(%x, %w, %b) in %y
 *   %a = gelu(%y) {form: erf} in %y
 *   %g.squares = sumSquares(%a) {over: sample} in %y
 */
export const fuseActivation: Pass = {
  name: "fuse-activation",
  summary: "Apply GELU and sum the squares in the kernel of the first linear",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "linear") return null;
      const reader = view.soleReader(node.id);
      const gelu = reader && as(reader, "gelu");
      if (!gelu) return null;
      const next = view.soleReader(gelu.id);
      const mask = next && as(next, "maskSites");
      const squares = view.readers(mask?.id ?? gelu.id).filter(other => other.op === "sumSquares");
      return { anchor: node.id, members: [gelu.id, ...(mask ? [mask.id] : []), ...squares.map(other => other.id)] };
    }),
};
