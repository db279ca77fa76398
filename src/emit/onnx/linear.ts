import { as, channels, type Node, operand, sites } from "../../graph/graph.ts";
import { neighbourConv } from "./conv.ts";
import { asIs, carriesBias, carryingBias, integers, transposed, vector } from "./initializers.ts";
import { tiled } from "./map-constants.ts";
import { sidesOf } from "./sides.ts";
import { int, shapeIn, type Writer } from "./writer.ts";

/** One layer, five ways to write it. */
export function linear(node: Node<"linear">, w: Writer): void {
  const near = as(w.node(operand(node, 0)), "neighbours");
  if (near) neighbourConv(node, near, w);
  else matrixProduct(node, w);
}

function matrixProduct(node: Node<"linear">, w: Writer): void {
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const layout = w.layoutOf(x);
  const input = w.value(x, layout);
  if (carriesBias(w, node)) w.result(node, "MatMul", [input, carryingBias(w, weight, bias)], {}, layout);
  else if (node.type.shape.length === 2)
    w.result(node, "Gemm", [input, asIs(w, weight), vector(w, bias)], { transB: int(1) });
  else {
    const product = scaledByWeights(node, w) ?? w.step(node.id, "product", "MatMul", [input, transposed(w, weight)]);
    const shape = shapeIn(w, "map", node.type);
    const map = layout === "map" ? product : w.step(node.id, "map", "Reshape", [product, shape]);
    w.result(node, "Add", [map, tiled(w, node, bias, sidesOf(w, node.type).width)]);
  }
}

/**
 * GRN's scale s turns W·(s ⊙ h) into (W ⊙ s)·h. Scaling h costs two passes over [H·W,I]; scaling W costs about three
 * over [I,O] (read, write, and the packing that a constant would need only once), so large maps scale W.
 */
function scaledByWeights(node: Node<"linear">, w: Writer): string | null {
  const producer = w.node(operand(node, 0));
  if (producer.op !== "scaleChannels" || w.soleReader(producer.id) !== node) return null;
  const [h, scale] = [operand(producer, 0), operand(producer, 1)];
  const { height, width } = sites(node.type);
  if (w.node(scale).op !== "grnScale" || 2 * height * width < 3 * channels(node.type)) return null;
  const column = w.step(node.id, "scale", "Reshape", [w.value(scale), integers(w, 0, channels(producer.type), 1)]);
  const weight = w.step(node.id, "scaled", "Mul", [transposed(w, operand(node, 1)), column]);
  return w.step(node.id, "product", "MatMul", [w.value(h, "row"), weight]);
}
