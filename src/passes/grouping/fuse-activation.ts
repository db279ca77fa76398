import { as, isMap } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Apply GELU, hide removed patches, and sum the squares that GRN needs, where the first linear holds its results in
 * registers. What the linear gives is left too where a gradient reads it.
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
      if (node.op !== "linear" || !isMap(node.type)) return null;
      // The first reader: gradients read it too, after that. What else reads it would have it by itself.
      const [reader, ...others] = view.readers(node.id);
      const gelu = reader && !view.isOutput(node.id) ? as(reader, "gelu") : null;
      if (!gelu || !others.every(({ op }) => op === "gelu" || op === "geluGrad")) return null;
      const next = view.soleReader(gelu.id);
      const mask = next && as(next, "maskSites");
      const squares = view.readers(mask?.id ?? gelu.id).filter(other => other.op === "sumSquares");
      return { anchor: node.id, members: [gelu.id, ...(mask ? [mask.id] : []), ...squares.map(other => other.id)] };
    }),
};
