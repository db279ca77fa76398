import { type Node, operand } from "../../graph/graph.ts";
import type { GeluApproximation } from "../../graph/ops.ts";
import { scalar } from "./initializers.ts";
import { type Attributes, text, type Writer } from "./writer.ts";

/** Opset 20 has the op. Before, the chains that runtimes know and fuse: those of PyTorch's exporter. */
export function gelu(node: Node<"gelu">, w: Writer): void {
  const { form } = node.attrs;
  const layout = w.layoutOf(operand(node, 0));
  const x = w.value(operand(node, 0), layout);
  if (form === "relu") w.result(node, "Relu", [x], {}, layout);
  else if (form === "silu") w.result(node, "Mul", [x, w.step(node.id, "sigmoid", "Sigmoid", [x])], {}, layout);
  else if (w.opset >= 20) w.result(node, "Gelu", [x], approximations[form], layout);
  else w.result(node, "Mul", chains[form](w, node.id, x), {}, layout);
}

/** The forms that are GELU. */
type Form = Exclude<GeluApproximation, "silu" | "relu">;

/** The op's attribute, whose default is the exact form. */
const approximations: Readonly<Record<Form, Attributes>> = {
  erf: {},
  tanh: { approximate: text("tanh") },
};

/** The two factors of GELU. */
const chains: Readonly<Record<Form, (w: Writer, id: string, x: string) => readonly [string, string]>> = {
  erf(w, id, x) {
    const erf = w.step(id, "erf", "Erf", [w.step(id, "scaled", "Div", [x, scalar(w, Math.SQRT2)])]);
    const one = w.step(id, "one", "Add", [erf, scalar(w, 1)]);
    return [w.step(id, "twice", "Mul", [x, one]), scalar(w, 0.5)];
  },
  tanh(w, id, x) {
    const cube = w.step(id, "cube", "Pow", [x, scalar(w, 3)]);
    const sum = w.step(id, "sum", "Add", [x, w.step(id, "bend", "Mul", [cube, scalar(w, 0.044715)])]);
    const tanh = w.step(id, "tanh", "Tanh", [w.step(id, "scaled", "Mul", [sum, scalar(w, Math.sqrt(2 / Math.PI))])]);
    return [w.step(id, "half", "Mul", [x, scalar(w, 0.5)]), w.step(id, "one", "Add", [tanh, scalar(w, 1)])];
  },
};
