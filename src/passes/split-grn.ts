import { operand } from "../graph/graph.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Split grn into its statistics and its application, so that each half can join a neighbour.
 *
 *   %g = grn(%x, %gamma, %beta) {eps: 0.000001, over: sample}
 *   ⟶
 *   %g.squares = sumSquares(%x) {over: sample}
 *   %g.scale = grnScale(%g.squares, %gamma) {eps: 0.000001}
 *   %g.scaled = scaleChannels(%x, %g.scale)
 *   %g = shiftChannels(%g.scaled, %beta)
 */
export const splitGrn: Pass = {
  name: "split-grn",
  summary: "Split grn into its statistics and its application",
  run: graph =>
    rewrite(graph, {
      grn(node) {
        const { id, attrs } = node;
        const [x, gamma, beta] = [operand(node, 0), operand(node, 1), operand(node, 2)];
        return [
          { id: `${id}.squares`, op: "sumSquares", inputs: [x], attrs: { over: attrs.over } },
          { id: `${id}.scale`, op: "grnScale", inputs: [`${id}.squares`, gamma], attrs: { eps: attrs.eps } },
          { id: `${id}.scaled`, op: "scaleChannels", inputs: [x, `${id}.scale`], attrs: {} },
          { id, op: "shiftChannels", inputs: [`${id}.scaled`, beta], attrs: {} },
        ];
      },
    }),
};
