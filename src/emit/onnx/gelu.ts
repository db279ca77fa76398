import type { Node } from "../../graph/graph.ts";
import type { GeluForm } from "../../graph/ops.ts";
import { scalar } from "./initializers.ts";
import { text, type Writer } from "./writer.ts";

/** Opset 20 has the op. Before, the chains that runtimes know and fuse: those of PyTorch's exporter. */
export function gelu(w: Writer, node: Node<"gelu">, x: string): string {
  const { form } = node.attrs;
  if (w.opset >= 20) return w.result(node, "Gelu", [x], form === "tanh" ? { approximate: text("tanh") } : {});
  return chains[form](w, node, x);
}

const chains: Readonly<Record<GeluForm, (w: Writer, node: Node<"gelu">, x: string) => string>> = {
  erf(w, node, x) {
    const scaled = w.step(node.id, "scaled", "Div", [x, scalar(w, Math.SQRT2)]);
    const erf = w.step(node.id, "erf", "Erf", [scaled]);
    const twice = w.step(node.id, "twice", "Mul", [x, w.step(node.id, "one", "Add", [erf, scalar(w, 1)])]);
    return w.result(node, "Mul", [twice, scalar(w, 0.5)]);
  },
  tanh(w, node, x) {
    const cube = w.step(node.id, "cube", "Pow", [x, scalar(w, 3)]);
    const sum = w.step(node.id, "sum", "Add", [x, w.step(node.id, "bend", "Mul", [cube, scalar(w, 0.044715)])]);
    const scaled = w.step(node.id, "scaled", "Mul", [sum, scalar(w, Math.sqrt(2 / Math.PI))]);
    const one = w.step(node.id, "one", "Add", [w.step(node.id, "tanh", "Tanh", [scaled]), scalar(w, 1)]);
    return w.result(node, "Mul", [w.step(node.id, "half", "Mul", [x, scalar(w, 0.5)]), one]);
  },
};
