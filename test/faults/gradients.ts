import { type Graph, type Node, operand } from "../../src/graph/graph.ts";
import { typed } from "../../src/graph/infer.ts";
import type { OpName } from "../../src/graph/ops.ts";
import type { Recording } from "../graph/gradients.ts";
import {
  denseGradients,
  expectGradients,
  fcmaeGradients,
  float32Gradients,
  type GradientGolden,
} from "../support/gradients.ts";

// Mistakes in the backward pass and the optimizer, each of which a recorded gradient or a trace must see.

/** A mistake in a graph that learns: what a node becomes instead, or null where it stays. */
export interface GraphFault {
  readonly name: string;
  /** The golden file that sees it. */
  readonly on: string;
  readonly instead: (node: Node, graph: Graph) => Node | null;
}

/** The value an operand stands for instead of what the node made of it. */
const passThrough = (node: Node, index = 0): Node =>
  ({ ...node, op: "times", inputs: [operand(node, index)], attrs: { by: 1 } }) as Node;

const on = <K extends OpName>(op: K, change: (node: Node<K>) => Partial<Node> | null) => {
  return (node: Node): Node | null => {
    const changed = node.op === op ? change(node as Node<K>) : null;
    return changed && ({ ...node, ...changed } as Node);
  };
};

const dense = "dense-grad/micro-64x64-b2";
const eps = "dense-grad/micro-eps-64x64-b2";
const masked = "fcmae-grad/micro-128-b2-sample-norm_pix_loss";

export const graphFaults: readonly GraphFault[] = [
  { name: "a depthwise kernel that is not turned", on: dense, instead: on("flipKernel", node => passThrough(node)) },
  {
    name: "a depthwise kernel whose taps are taken from the other end",
    on: dense,
    instead: on("depthwiseWeightGrad", ({ inputs }) => ({ inputs: [...inputs].reverse() })),
  },
  { name: "GRN's squares, of which the 2 is forgotten", on: dense, instead: on("times", () => ({ attrs: { by: 1 } })) },
  {
    name: "GRN's factors, through which nothing comes back",
    on: dense,
    instead: on("add", node => (/\.act\.grad\.sum$/.test(node.id) ? passThrough(node) : null)),
  },
  { name: "GRN's mean + 1e-5", on: eps, instead: on("grnScaleGrad", () => ({ attrs: { eps: 1e-5 } })) },
  {
    name: "GRN's response over mean + 1e-5",
    on: eps,
    instead: on("grnResponseGrad", () => ({ attrs: { eps: 1e-5 } })),
  },
  {
    name: "LayerNorm over n - 1",
    on: dense,
    instead: on("normalizeGrad", () => ({ attrs: { variance: "unbiased" } })),
  },
  {
    name: "LayerNorm with its eps twice",
    on: eps,
    instead: on("inverseDeviation", ({ attrs }) => ({ attrs: { ...attrs, eps: 2 * attrs.eps } })),
  },
  { name: "the other GELU", on: dense, instead: on("geluGrad", () => ({ attrs: { form: "tanh" } })) },
  {
    name: "a residual that takes no gradient back",
    on: dense,
    instead: on("add", node =>
      /^stages\.\d\.\d\.grad\.sum|^downsample_layers\.\d\.1\.grad\.sum/.test(node.id) ? passThrough(node, 1) : null,
    ),
  },
  {
    name: "LayerNorm's gamma without the weight that it was folded into",
    on: dense,
    instead: on("inputDot", ({ inputs: [d] }) => ({ inputs: [d as string, d as string] })),
  },
  {
    name: "LayerNorm's beta, from which the weight behind it takes nothing",
    on: dense,
    instead: on(
      "outer",
      node => ({ ...node, op: "constant", inputs: [], attrs: { value: 0, type: node.type } }) as Node,
    ),
  },
  {
    name: "probabilities and logits exchanged",
    on: dense,
    instead: on("crossEntropyGrad", ({ inputs: [a, b, d] }) => ({ inputs: [b, a, d] as string[] })),
  },
  {
    name: "a loss that counts twice",
    on: dense,
    instead: on("constant", ({ attrs }) => (attrs.value === 1 ? { attrs: { ...attrs, value: 2 } } : null)),
  },
  {
    name: "a mask token that learns from kept patches too",
    on: masked,
    instead: on("removedSum", node => ({ ...node, op: "channelSum", inputs: [operand(node, 0)], attrs: {} }) as Node),
  },
  {
    name: "a prediction that flees its target",
    on: masked,
    instead: on("siteErrorGrad", ({ inputs: [x, y, d] }) => ({ inputs: [y, x, d] as string[] })),
  },
];

/** The graph with the mistake, which must have been there to make. */
export function withFault(graph: Graph, { name, instead }: GraphFault): Graph {
  const nodes = new Map<string, Node>();
  let made = 0;
  for (const node of graph.nodes.values()) {
    const wrong = instead(node, graph);
    if (wrong !== null) made++;
    nodes.set(node.id, wrong === null ? node : typed(wrong, nodes));
  }
  if (made === 0) throw new Error(`there is nowhere to make '${name}'`);
  return { ...graph, nodes };
}

/** A mistake in WGSL: text that becomes other text in every kernel that has it. */
export interface TextFault {
  readonly name: string;
  readonly from: string | RegExp;
  readonly to: string;
}

/** In kernels of the backward pass: seen by a golden file of a classifier or a masked autoencoder, or by long sums. */
export const kernelFaults: readonly (TextFault & { readonly on: "dense" | "masked" | "sums" })[] = [
  {
    name: "a weight's gradient without its last row",
    on: "dense",
    from: "let end = min((part + 1) * each, rows);",
    to: "let end = min((part + 1) * each, rows - 1);",
  },
  { name: "the last chain of rows alone", on: "sums", from: /(c\d_\d) \+= (c\d_\d_chain);/g, to: "$1 = $2;" },
  {
    name: "parts that all begin at the first row",
    on: "masked",
    from: "start = part * each;",
    to: "start = 0u;",
  },
  { name: "patches whose taps are exchanged", on: "dense", from: /let tap = q \/ \d+;/, to: "let tap = 0u;" },
  {
    name: "totals of one image",
    on: "dense",
    from: /let rows = arrayLength\(&sums\) \/ (\d+);/,
    to: "let rows = arrayLength(&sums) / $1 / 2;",
  },
  {
    name: "lines that reach into the next image",
    on: "dense",
    from: /if \(y < (\d+) \|\| y - \d+ >= \d+\) \{/,
    to: "if (y < $1) {",
  },
  { name: "GRN's squares without the mean of all channels", on: "dense", from: "/ floor - pull)", to: "/ floor)" },
  { name: "LayerNorm without its mean", on: "dense", from: /(let x = d\[[^\]]*\]) - mean/, to: "$1" },
  { name: "GELU's slope without its density", on: "dense", from: " + x * e * 0.3989422804", to: "" },
  { name: "cross-entropy summed over the images", on: "dense", from: ") / f32(images);", to: ");" },
  { name: "half of a squared error's slope", on: "masked", from: "(2.0f /", to: "(1.0f /" },
  {
    name: "a token that learns from kept patches",
    on: "masked",
    from: ">= 0) {\n        continue;",
    to: "< 0) {\n        continue;",
  },
];

/** In the optimizer; each is seen by a trace of training. */
export const optimizerFaults: readonly (TextFault & { readonly on: "v1" | "layers" | "accumulate" })[] = [
  {
    name: "decay inside the moments",
    on: "v1",
    from: "let g = gradient[i] * scale;",
    to: "let g = gradient[i] * scale + treated.y * param[i];",
  },
  {
    name: "decay after the moments",
    on: "v1",
    from: "let decayed = param[i] - lr * treated.y * param[i];",
    to: "let decayed = param[i];",
  },
  { name: "decay of everything", on: "v1", from: "lr * treated.y", to: "lr * 0.05" },
  { name: "a first moment that is not corrected", on: "v1", from: "lr / step.first * m", to: "lr * m" },
  { name: "a second moment that is not corrected", on: "v1", from: "sqrt(v) / step.second", to: "sqrt(v)" },
  {
    name: "eps under the root",
    on: "v1",
    from: "(sqrt(v) / step.second + step.eps)",
    to: "(sqrt(v + step.eps) / step.second)",
  },
  { name: "layers that all learn alike", on: "layers", from: "step.lr * treated.x", to: "step.lr" },
  {
    name: "an average of the weights before the update",
    on: "v1",
    from: "(param[i] - average[i])",
    to: "(decayed - average[i])",
  },
  { name: "micro-batches that count whole", on: "accumulate", from: "micro.share * gradient[i]", to: "gradient[i]" },
  { name: "the last micro-batch alone", on: "accumulate", from: "micro.is_first == 1", to: "true" },
  { name: "gradients of all steps", on: "accumulate", from: "micro.is_first == 1", to: "false" },
  { name: "clipping of what is small", on: "accumulate", from: "whole > most.x", to: "true" },
  { name: "no clipping", on: "accumulate", from: "most.x > 0.0 && whole > most.x", to: "false" },
];

export const replaced = (text: string, { from, to }: TextFault): string =>
  typeof from === "string" ? text.replaceAll(from, to) : text.replaceAll(new RegExp(from.source, "g"), to);

/** What a golden file recorded, by its path. */
export function recording(file: string): Recording & { readonly batch: number } {
  const [kind, name = ""] = file.split("/");
  return kind === "dense-grad" ? denseGradients(name) : fcmaeGradients(name);
}

/** Whether gradients are within the limits of a float32 backend. */
export function holds(golden: GradientGolden, found: (name: string) => { readonly data: ArrayLike<number> }): boolean {
  try {
    expectGradients(golden, found, float32Gradients(golden.name));
    return true;
  } catch {
    return false;
  }
}
