import { invariant } from "../../diagnostics/invariant.ts";
import { channels, type Node, type OpTable, operand, sites, type ValueId } from "../../graph/graph.ts";
import { gelu } from "./gelu.ts";
import { asIs, carryingBias, integers, ones, readsNormalized, scalar, tiled, vector } from "./initializers.ts";
import { linear } from "./linear.ts";
import { type Attributes, float, int, ints, type Writer } from "./writer.ts";

/** How each op is written: a node, and what it needs, onto the writer. Maps stay channels-last, as in the graph. */
export const emission: OpTable<void, [Writer]> = {
  input() {},
  param: constant,

  toChannelsLast: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 2, 3, 1) }),
  toChannelsFirst: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 3, 1, 2) }),

  patchConv(node, w) {
    const { size } = node.attrs;
    if (readsNormalized(w, node)) patches(node, w);
    else conv(node, w, { kernel_shape: ints(size, size), strides: ints(size, size) });
  },
  depthwise(node, w) {
    const { kernel } = node.attrs;
    const pad = (kernel - 1) / 2;
    const group = int(channels(node.type));
    conv(node, w, { kernel_shape: ints(kernel, kernel), pads: ints(pad, pad, pad, pad), group });
  },
  linear,

  layernorm(node, w) {
    const inputs = [w.value(operand(node, 0)), vector(w, operand(node, 1)), vector(w, operand(node, 2))];
    w.result(node, "LayerNormalization", inputs, { axis: int(-1), epsilon: float(node.attrs.eps) });
  },
  normalize,
  gelu,
  grn: node => invariant(false, `'${node.id}' is split before`),

  /** [N,1,C], or [1,1,C] over the batch. A product with ones sums the sites several times faster than a reduction. */
  sumSquares(node, w) {
    const x = operand(node, 0);
    const { height, width } = sites(w.node(x).type);
    const row = w.value(x, "row");
    const inputs = [ones(w, 1, height * width), w.step(node.id, "squared", "Mul", [row, row])];
    if (node.attrs.over === "sample") w.result(node, "MatMul", inputs);
    else {
      const each = w.step(node.id, "each", "MatMul", inputs);
      w.result(node, "ReduceSum", [each, integers(w, 0)], { keepdims: int(1) });
    }
  },
  /** [N,1,C] or [1,1,C]. */
  grnScale(node, w) {
    const norm = w.step(node.id, "norm", "Sqrt", [w.value(operand(node, 0))]);
    const mean = w.step(node.id, "mean", "ReduceMean", ...over(w, norm, [-1], 1));
    const floor = w.step(node.id, "floor", "Add", [mean, scalar(w, node.attrs.eps)]);
    const response = w.step(node.id, "response", "Div", [norm, floor]);
    const weighted = w.step(node.id, "weighted", "Mul", [response, vector(w, operand(node, 1))]);
    w.result(node, "Add", [weighted, scalar(w, 1)]);
  },
  scaleChannels(node, w) {
    const [x, scale] = [operand(node, 0), operand(node, 1)];
    if (w.node(scale).op === "grnScale") w.result(node, "Mul", [w.value(x, "row"), w.value(scale)], {}, "row");
    else w.result(node, "Mul", [w.value(x), vector(w, scale)]);
  },
  shiftChannels: (node, w) =>
    w.result(node, "Add", [w.value(operand(node, 0)), tiled(w, operand(node, 1), sites(node.type).width)]),

  add: (node, w) => w.result(node, "Add", [w.value(operand(node, 0)), w.value(operand(node, 1))]),
  meanSites: (node, w) => w.result(node, "ReduceMean", ...over(w, w.value(operand(node, 0)), [1, 2], 0)),

  scaleInputs: constant,
  scaleOutputs: constant,
  biasThrough: constant,
};

/** What depends on the weights alone is an initializer, made where it is read. */
function constant(node: Node): void {
  invariant(false, `'${node.id}' is a constant`);
}

/** From this many channels on, normalising sites as instances is the faster form, and as exact. */
const instanceChannels = 32;

/**
 * n + 1, whose 1 carries the next layer's bias: see `carryingBias`. On a map this is an instance normalisation whose
 * instances are the sites, which runtimes have vectorised, as they have not the sums of their LayerNormalization.
 * It multiplies before it takes the mean off, which loses digits where a site's mean is far above its spread; over a
 * handful of channels that happens by chance.
 */
function normalize(node: Node<"normalize">, w: Writer): void {
  const reader = w.soleReader(node.id);
  invariant(reader?.op === "linear" || reader?.op === "patchConv", `'${node.id}' is not read by one layer alone`);
  const x = operand(node, 0);
  const epsilon = float(node.attrs.eps);
  if (node.type.shape.length === 2 || channels(node.type) < instanceChannels) {
    const one = ones(w, channels(node.type));
    w.result(node, "LayerNormalization", [w.value(x), one, one], { axis: int(-1), epsilon });
  } else {
    const { height, width } = sites(node.type);
    const one = ones(w, height * width);
    w.result(node, "InstanceNormalization", [w.value(x, "row"), one, one], { epsilon }, "row");
  }
}

/** Inputs and attributes of a reduction: the axes became an input with opset 18. */
const over = (
  w: Writer,
  x: string,
  axes: readonly number[],
  keepdims: number,
): readonly [inputs: readonly string[], attributes: Attributes] =>
  w.opset >= 18
    ? [[x, integers(w, ...axes)], { keepdims: int(keepdims) }]
    : [[x], { axes: ints(...axes), keepdims: int(keepdims) }];

/** Convolutions read and write channels-first. Runtimes join the transposes with the layout they convert to anyway. */
function conv(node: Node<"patchConv"> | Node<"depthwise">, w: Writer, attributes: Attributes): void {
  const [weight, bias] = [asIs(w, operand(node, 1)), vector(w, operand(node, 2))];
  const y = w.step(node.id, "conv", "Conv", [channelsFirst(node, w, operand(node, 0)), weight, bias], attributes);
  w.result(node, "Transpose", [y], { perm: ints(0, 2, 3, 1) });
}

/** A map as NCHW; the image is that already. */
function channelsFirst(reader: Node, w: Writer, x: ValueId): string {
  const producer = w.node(x);
  if (producer.op === "toChannelsLast") return w.value(operand(producer, 0));
  return w.step(reader.id, "input", "Transpose", [w.value(x)], { perm: ints(0, 3, 1, 2) });
}

/** Patches that do not overlap are a rearrangement and a product: [N,H,s,W,s·I] → [N,H,W,s,s·I]. */
function patches(node: Node<"patchConv">, w: Writer): void {
  const { size } = node.attrs;
  const { height, width } = sites(node.type);
  const [x, weight, bias] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const line = size * channels(w.node(x).type);
  const lines = w.step(node.id, "lines", "Reshape", [
    w.value(x, w.formOf(x)),
    integers(w, 0, height, size, width, line),
  ]);
  const sorted = w.step(node.id, "sorted", "Transpose", [lines], { perm: ints(0, 1, 3, 2, 4) });
  const patch = w.step(node.id, "patches", "Reshape", [sorted, integers(w, 0, height, width, size * line)]);
  w.result(node, "MatMul", [patch, carryingBias(w, weight, bias)]);
}
