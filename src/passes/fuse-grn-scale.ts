import { operand, sites } from "../graph/graph.ts";
import { group } from "./group.ts";
import type { Pass } from "./pass.ts";

/**
 * Scale by GRN's factors where the second linear loads its input, and work the factors out there too while the partial
 * sums are few. Every workgroup of the linear repeats that work, so for large maps (and for statistics over the batch,
 * whose partial sums grow with it) the factors keep a kernel of their own.
 *
 *   %g.scale = grnScale(%g.squares, %gamma) {eps: 0.000001}
 *   %g.scaled = scaleChannels(%x, %g.scale)
 *   %y = linear(%g.scaled, %w, %b)
 *   ⟶
 *   %g.scale = grnScale(%g.squares, %gamma) {eps: 0.000001} in %y
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
      const scale = view.node(operand(scaled, 1));
      if (scale.op !== "grnScale") return null;
      const { height, width } = sites(scaled.type);
      const squares = view.node(operand(scale, 0));
      const few = height * width <= 4096 && squares.op === "sumSquares" && squares.attrs.over === "sample";
      const inline = few && view.soleReader(scale.id) === scaled;
      return { anchor: node.id, members: inline ? [scale.id, scaled.id] : [scaled.id] };
    }),
};
