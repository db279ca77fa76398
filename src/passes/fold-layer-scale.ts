import { as, operand } from "../graph/graph.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Fold the layer scale of ConvNeXt V1 into the linear before it: γ(Wx + b) = (γW)x + γb.
 *
 *   %y = linear(%x, %y.weight, %y.bias)
 *   %s = scaleChannels(%y, %gamma)
 *   ⟶
 *   %y.weight.by_scale = scaleOutputs(%y.weight, %gamma)
 *   %y.bias.by_scale = scaleOutputs(%y.bias, %gamma)
 *   %s = linear(%x, %y.weight.by_scale, %y.bias.by_scale)
 */
export const foldLayerScale: Pass = {
  name: "fold-layer-scale",
  summary: "Fold the layer scale of ConvNeXt V1 into the second linear",
  run: graph =>
    rewrite(graph, {
      scaleChannels(node, view) {
        const [x, gamma] = [operand(node, 0), operand(node, 1)];
        const producer = view.node(x);
        const linear = producer && as(producer, "linear");
        if (!linear || !view.onlyReadBy(x, node) || view.node(gamma)?.op !== "param") return null;
        const [input, weight, bias] = [operand(linear, 0), operand(linear, 1), operand(linear, 2)];
        const [scaledWeight, scaledBias] = [`${linear.id}.weight.by_scale`, `${linear.id}.bias.by_scale`];
        return [
          { id: scaledWeight, op: "scaleOutputs", inputs: [weight, gamma], attrs: {} },
          { id: scaledBias, op: "scaleOutputs", inputs: [bias, gamma], attrs: {} },
          { id: node.id, op: "linear", inputs: [input, scaledWeight, scaledBias], attrs: {} },
        ];
      },
    }),
};
