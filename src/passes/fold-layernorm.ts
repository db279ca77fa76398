import { as, type Node, operand, type Rewritten } from "../graph/graph.ts";
import { rewrite, type View } from "../graph/rewrite.ts";
import type { Pass } from "./pass.ts";

/**
 * Fold LayerNorm's γ and β into the linear or patch convolution that alone reads it, leaving the bare normalisation.
 * Exact because neither pads: every input of the sum is a normalised value. (A depthwise convolution pads with zeros
 * after the shift, so the stem's LayerNorm keeps its γ and β.)
 *
 *   %n = layernorm(%x, %gamma, %beta) {eps: 0.000001}
 *   %y = linear(%n, %y.weight, %y.bias)
 *   ⟶
 *   %n = normalize(%x) {eps: 0.000001}
 *   %y.weight.by_norm = scaleInputs(%y.weight, %gamma)
 *   %y.bias.by_norm = biasThrough(%y.bias, %y.weight, %beta)
 *   %y = linear(%n, %y.weight.by_norm, %y.bias.by_norm)
 *
 * The γ of a norm that has no β goes the same way.
 */
export const foldLayernorm: Pass = {
  name: "fold-layernorm",
  summary: "Fold LayerNorm's gamma and beta into the next linear or patch convolution",
  run: graph => rewrite(graph, { linear: fold, patchConv: fold }),
};

function fold(node: Node<"linear"> | Node<"patchConv">, view: View): readonly Rewritten[] | null {
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const producer = view.node(x);
  if (!producer || !view.onlyReadBy(x, node)) return null;
  if (producer.op === "scaleChannels") return foldGain(node, producer, view);
  const norm = as(producer, "layernorm");
  if (!norm) return null;
  const [input, gamma, beta] = [operand(norm, 0), operand(norm, 1), operand(norm, 2)];
  const [scaled, shifted] = [`${node.id}.weight.by_norm`, `${node.id}.bias.by_norm`];
  return [
    { ...norm, op: "normalize", inputs: [input] },
    { id: scaled, op: "scaleInputs", inputs: [weight, gamma], attrs: {} },
    { id: shifted, op: "biasThrough", inputs: [bias, weight, beta], attrs: {} },
    { ...node, inputs: [norm.id, scaled, shifted] },
  ];
}

function foldGain(node: Node<"linear"> | Node<"patchConv">, norm: Node, view: View): readonly Rewritten[] | null {
  const [x, gamma] = [operand(norm, 0), operand(norm, 1)];
  const [weight, bias] = [operand(node, 1), operand(node, 2)];
  if (view.node(x)?.op !== "rescale" || view.node(gamma)?.op !== "param") return null;
  const scaled = `${node.id}.weight.by_norm`;
  return [
    { id: scaled, op: "scaleInputs", inputs: [weight, gamma], attrs: {} },
    { ...node, inputs: [x, scaled, bias] },
  ];
}
