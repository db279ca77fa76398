import { nodeOf, operand } from "../graph/graph.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Split a convolution whose patches overlap into what is under its taps and a product, which kernels have tiles for.
 *
 *   %y = conv(%x, %w, %b) {kernel: 3, stride: 2}
 *   ⟶
 *   %y.taps = unfold(%x) {kernel: 3, stride: 2}
 *   %y.matrix = reshape(%w)
 *   %y = linear(%y.taps, %y.matrix, %b)
 */
export const splitConv: Pass = {
  name: "split-conv",
  summary: "Split convolutions whose patches overlap into what is under their taps and a product",
  run: graph =>
    rewrite(graph, {
      conv(node) {
        const { id, attrs } = node;
        const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
        const [outputs = 0, ...inside] = nodeOf(graph, weight).type.shape as readonly number[];
        const type = { dtype: "f32", shape: [outputs, inside.reduce((a, b) => a * b, 1)] } as const;
        return [
          { id: `${id}.taps`, op: "unfold", inputs: [x], attrs },
          { id: `${id}.matrix`, op: "reshape", inputs: [weight], attrs: { type } },
          { id, op: "linear", inputs: [`${id}.taps`, `${id}.matrix`, bias], attrs: {} },
        ];
      },
    }),
};
