import { invariant } from "../../diagnostics/invariant.ts";
import { channels, type Node, type OpTable, operand, sites, type ValueId } from "../../graph/graph.ts";
import { gelu } from "./gelu.ts";
import { asIs, carryingBias, floats, integers, ones, readsNormalized, scalar, tiled, vector } from "./initializers.ts";
import { linear } from "./linear.ts";
import { sitesInRow } from "./sites.ts";
import { type Attributes, float, int, ints, type Writer } from "./writer.ts";

/** How each op is written: node in, name of its ONNX tensor out. Maps stay channels-last, as in the graph. */
export const emission: OpTable<string, [Writer]> = {
  input: node => node.id,
  param: constant,

  toChannelsLast: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 2, 3, 1) }),
  toChannelsFirst: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 3, 1, 2) }),

  patchConv(node, w) {
    if (readsNormalized(w, node)) return patches(node, w);
    const { size } = node.attrs;
    return conv(node, w, { kernel_shape: ints(size, size), strides: ints(size, size) });
  },
  depthwise(node, w) {
    const { kernel } = node.attrs;
    const pad = (kernel - 1) / 2;
    const group = int(channels(node.type));
    return conv(node, w, { kernel_shape: ints(kernel, kernel), pads: ints(pad, pad, pad, pad), group });
  },
  linear,

  layernorm(node, w) {
    const [gamma, beta] = [vector(w, operand(node, 1)), vector(w, operand(node, 2))];
    return layernorm(node, w, gamma, beta);
  },
  /** n + 1: see `carryingBias`. */
  normalize(node, w) {
    const reader = w.soleReader(node.id);
    invariant(reader?.op === "linear" || reader?.op === "patchConv", `'${node.id}' is not read by one layer alone`);
    const one = ones(w, channels(node.type));
    return layernorm(node, w, one, one);
  },

  gelu: (node, w) => gelu(w, node, w.value(operand(node, 0))),
  grn: node => invariant(false, `'${node.id}' is split before`) as never,

  /** [N,1,1,C], or [1,1,1,C] over the batch. A product with ones sums the sites several times faster than a reduction. */
  sumSquares(node, w) {
    const x = operand(node, 0);
    const { height, width } = sites(w.node(x).type);
    const row = sitesInRow(w, x);
    const squared = w.step(node.id, "squared", "Mul", [row, row]);
    const inputs = [ones(w, 1, height * width), squared];
    if (node.attrs.over === "sample") return w.result(node, "MatMul", inputs);
    const each = w.step(node.id, "each", "MatMul", inputs);
    return w.result(node, "ReduceSum", [each, integers(w, 0)], { keepdims: int(1) });
  },
  grnScale(node, w) {
    const gamma = vector(w, operand(node, 1));
    const norm = w.step(node.id, "norm", "Sqrt", [w.value(operand(node, 0))]);
    const mean = reduceMean(w, [norm], [-1], 1, (inputs, attributes) =>
      w.step(node.id, "mean", "ReduceMean", inputs, attributes),
    );
    const floor = w.step(node.id, "floor", "Add", [mean, floats(w, "eps", [], node.attrs.eps)]);
    const response = w.step(node.id, "response", "Div", [norm, floor]);
    return w.result(node, "Add", [w.step(node.id, "weighted", "Mul", [response, gamma]), scalar(w, 1)]);
  },
  scaleChannels(node, w) {
    const [x, scale] = [operand(node, 0), operand(node, 1)];
    const factor = w.node(scale).op === "grnScale" ? w.value(scale) : vector(w, scale);
    return w.result(node, "Mul", [w.value(x), factor]);
  },
  shiftChannels: (node, w) =>
    w.result(node, "Add", [w.value(operand(node, 0)), tiled(w, operand(node, 1), sites(node.type).width)]),

  add: (node, w) => w.result(node, "Add", [w.value(operand(node, 0)), w.value(operand(node, 1))]),
  meanSites: (node, w) =>
    reduceMean(w, [w.value(operand(node, 0))], [1, 2], 0, (inputs, attributes) =>
      w.result(node, "ReduceMean", inputs, attributes),
    ),

  scaleInputs: constant,
  scaleOutputs: constant,
  biasThrough: constant,
};

/** What depends on the weights alone is an initializer, made where it is read. */
function constant(node: Node): never {
  return invariant(false, `'${node.id}' is a constant`) as never;
}

const layernorm = (node: Node<"layernorm"> | Node<"normalize">, w: Writer, gamma: string, beta: string): string =>
  w.result(node, "LayerNormalization", [w.value(operand(node, 0)), gamma, beta], {
    axis: int(-1),
    epsilon: float(node.attrs.eps),
  });

/** The axes became an input with opset 18. */
const reduceMean = (
  w: Writer,
  inputs: readonly string[],
  axes: readonly number[],
  keepdims: number,
  write: (inputs: readonly string[], attributes: Attributes) => string,
): string =>
  w.opset >= 18
    ? write([...inputs, integers(w, ...axes)], { keepdims: int(keepdims) })
    : write(inputs, { axes: ints(...axes), keepdims: int(keepdims) });

/** Convolutions read and write channels-first. Runtimes join the transposes with the layout they convert to anyway. */
function conv(node: Node<"patchConv"> | Node<"depthwise">, w: Writer, attributes: Attributes): string {
  const [weight, bias] = [asIs(w, operand(node, 1)), vector(w, operand(node, 2))];
  const y = w.step(node.id, "conv", "Conv", [channelsFirst(node, w, operand(node, 0)), weight, bias], attributes);
  return w.result(node, "Transpose", [y], { perm: ints(0, 2, 3, 1) });
}

/** A map as NCHW; the image is that already. */
function channelsFirst(reader: Node, w: Writer, x: ValueId): string {
  const producer = w.node(x);
  if (producer.op === "toChannelsLast") return w.value(operand(producer, 0));
  return w.step(reader.id, "input", "Transpose", [w.value(x)], { perm: ints(0, 3, 1, 2) });
}

/** Patches that do not overlap are a rearrangement and a product: [N,H,s,W,s·I] → [N,H,W,s,s·I]. */
function patches(node: Node<"patchConv">, w: Writer): string {
  const { size } = node.attrs;
  const { height, width } = sites(node.type);
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const line = size * channels(w.node(x).type);
  const lines = w.step(node.id, "lines", "Reshape", [w.value(x), integers(w, 0, height, size, width, line)]);
  const sorted = w.step(node.id, "sorted", "Transpose", [lines], { perm: ints(0, 1, 3, 2, 4) });
  const patch = w.step(node.id, "patches", "Reshape", [sorted, integers(w, 0, height, width, size * line)]);
  return w.result(node, "MatMul", [patch, carryingBias(w, weight, bias)]);
}
