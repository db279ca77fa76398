import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Scale by GRN's factors where the second linear loads its input.
 *
 *   %g.scaled = scaleChannels(%x, %g.scale)
 *   %y = linear(%g.scaled, %w, %b)
 *   ⟶
 *   %g.scaled = scaleChannels(%x, %g.scale) in %y
 *   %y = linear(%g.scaled, %w, %b) in %y
 */
export const fuseGrnScale: Pass = {
  name: "fuse-grn-scale",
  summary: "Scale by GRN's factors where the second linear loads its input",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "linear") return null;
      const scaled = view.node(operand(node, 0));
      if (scaled.op !== "scaleChannels" || view.soleReader(scaled.id) !== node) return null;
      const fromGrn = view.node(operand(scaled, 1)).op === "grnScale";
      return fromGrn ? { anchor: node.id, members: [scaled.id] } : null;
    }),
};
