import { operand } from "../graph/graph.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Split LayerNorm into its normalisation and its affine part, each of which has a simple gradient.
 *
 *   %n = layernorm(%x, %gamma, %beta) {eps: 0.000001}
 *   ⟶
 *   %n.normalized = normalize(%x) {eps: 0.000001}
 *   %n.scaled = scaleChannels(%n.normalized, %gamma)
 *   %n = shiftChannels(%n.scaled, %beta)
 */
export const splitLayernorm: Pass = {
  name: "split-layernorm",
  summary: "Split LayerNorm into its normalisation and its affine part",
  run: graph =>
    rewrite(graph, {
      layernorm(node) {
        const { id, attrs } = node;
        const [x, gamma, beta] = [operand(node, 0), operand(node, 1), operand(node, 2)];
        return [
          { id: `${id}.normalized`, op: "normalize", inputs: [x], attrs },
          { id: `${id}.scaled`, op: "scaleChannels", inputs: [`${id}.normalized`, gamma], attrs: {} },
          { id, op: "shiftChannels", inputs: [`${id}.scaled`, beta], attrs: {} },
        ];
      },
    }),
};
