import { as, operand } from "../graph/graph.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Fold a channel shift through the linear that alone reads it into that linear's bias: W(x + β) + b = Wx + (b + Wβ).
 *
 *   %s = shiftChannels(%x, %beta)
 *   %y = linear(%s, %y.weight, %y.bias)
 *   ⟶
 *   %y.bias.by_shift = biasThrough(%y.bias, %y.weight, %beta)
 *   %y = linear(%x, %y.weight, %y.bias.by_shift)
 */
export const foldGrnShift: Pass = {
  name: "fold-grn-shift",
  summary: "Fold GRN's beta through the second linear into its bias",
  run: graph =>
    rewrite(graph, {
      linear(node, view) {
        const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
        const producer = view.node(x);
        const shift = producer && as(producer, "shiftChannels");
        if (!shift || !view.onlyReadBy(x, node)) return null;
        const folded = `${node.id}.bias.by_shift`;
        return [
          { id: folded, op: "biasThrough", inputs: [bias, weight, operand(shift, 1)], attrs: {} },
          { ...node, inputs: [operand(shift, 0), weight, folded] },
        ];
      },
    }),
};
