import { channels, type Node, operand, sites, type ValueId } from "../../graph/graph.ts";
import { asIs, carryingBias, integers, readsNormalized, tiled, transposed, vector } from "./initializers.ts";
import { sitesInRow } from "./sites.ts";
import { int, type Writer } from "./writer.ts";

/** One layer, four ways to write it. */
export function linear(node: Node<"linear">, w: Writer): string {
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  if (readsNormalized(w, node)) return w.result(node, "MatMul", [w.value(x), carryingBias(w, weight, bias)]);
  if (node.type.shape.length === 2)
    return w.result(node, "Gemm", [w.value(x), asIs(w, weight), vector(w, bias)], { transB: int(1) });
  const scaled = scaledByWeights(node, w);
  const product = scaled ?? w.step(node.id, "product", "MatMul", [w.value(x), transposed(w, weight)]);
  return w.result(node, "Add", [product, tiled(w, bias, sites(node.type).width)]);
}

/**
 * GRN's scale s turns W·(s ⊙ h) into (W ⊙ s)·h. Scaling h costs two passes over [H·W,I]; scaling W costs about three
 * over [I,O] (read, write, and the packing that a constant would need only once), so large maps scale W.
 */
function scaledByWeights(node: Node<"linear">, w: Writer): string | null {
  const [x, weight] = [operand(node, 0), operand(node, 1)];
  const producer = w.node(x);
  if (producer.op !== "scaleChannels" || w.soleReader(x) !== node) return null;
  const [h, scale] = [operand(producer, 0), operand(producer, 1)] as const satisfies readonly ValueId[];
  const { height, width } = sites(node.type);
  const [inputs, outputs] = [channels(producer.type), channels(node.type)];
  if (w.node(scale).op !== "grnScale" || 2 * height * width < 3 * outputs) return null;
  const column = w.step(node.id, "scale", "Reshape", [w.value(scale), integers(w, 0, 1, inputs, 1)]);
  const scaled = w.step(node.id, "scaled", "Mul", [transposed(w, weight), column]);
  const product = w.step(node.id, "rows", "MatMul", [sitesInRow(w, h), scaled]);
  return w.step(node.id, "product", "Reshape", [product, integers(w, 0, height, width, outputs)]);
}
