import { invariant } from "../../diagnostics/invariant.ts";
import { channels, type Node, type OpTable, operand, sites } from "../../graph/graph.ts";
import type { GrnOver, NetworkOp } from "../../graph/ops.ts";
import { depthwise, overlappingConv, patchConv, siteDepthwise } from "./conv.ts";
import { gelu } from "./gelu.ts";
import { integers, scalar, vector } from "./initializers.ts";
import { linear } from "./linear.ts";
import { averagePool, maskedMean, patchify, siteError, standardize } from "./loss.ts";
import { mostConstants, ones, tiled, zeros } from "./map-constants.ts";
import { overAxes } from "./reduce.ts";
import { type Length, lengths, sidesOf, times } from "./sides.ts";
import { fillSites, gatherSites, maskSites, patchTable, scatterSites } from "./sites.ts";
import { float, int, ints, type Writer } from "./writer.ts";

/** How each op is written: a node, and what it needs, onto the writer. Maps stay channels-last, as in the graph. */
export const emission: OpTable<void, [Writer], NetworkOp> = {
  input() {},
  param: constant,
  constant,

  toChannelsLast: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 2, 3, 1) }),
  toChannelsFirst: (node, w) => w.result(node, "Transpose", [w.value(operand(node, 0))], { perm: ints(0, 3, 1, 2) }),

  patchConv,
  conv: overlappingConv,
  unfold: ofKernels,
  reshape: ofKernels,
  depthwise,
  /** A part of the convolution that reads it. */
  neighbours() {},
  linear,

  layernorm(node, w) {
    const inputs = [w.value(operand(node, 0)), vector(w, operand(node, 1)), vector(w, operand(node, 2))];
    w.result(node, "LayerNormalization", inputs, { axis: int(-1), epsilon: float(node.attrs.eps) });
  },
  normalize,
  rescale,
  gelu,
  grn: node => invariant(false, `'${node.id}' is split before`),

  sumSquares: (node, w) => sumSquares[node.attrs.over](node, w),
  /** [N,1,C] or [1,1,C]. */
  grnScale(node, w) {
    const norm = w.step(node.id, "norm", "Sqrt", [w.value(operand(node, 0))]);
    const mean = w.step(node.id, "mean", "ReduceMean", ...overAxes(w, norm, [-1], 1));
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
    w.result(node, "Add", [w.value(operand(node, 0)), tiled(w, node, operand(node, 1), sidesOf(w, node.type).width)]),

  add: (node, w) => w.result(node, "Add", [w.value(operand(node, 0)), w.value(operand(node, 1))]),
  /** Of a large map the rows' means first: a running sum of a thousand loses digits, which the norm behind it may multiply. */
  meanSites(node, w) {
    const x = operand(node, 0);
    const map = w.value(x);
    if (w.anySize === null && sitesOf(w.node(x)) <= mostSummed)
      w.result(node, "ReduceMean", ...overAxes(w, map, [1, 2], 0));
    else {
      const rows = w.step(node.id, "rows", "ReduceMean", ...overAxes(w, map, [2], 0));
      w.result(node, "ReduceMean", ...overAxes(w, rows, [1], 0));
    }
  },

  maskSites,
  fillSites,
  patchTable,
  gatherSites,
  scatterSites,
  siteDepthwise,

  averagePool,
  patchify,
  standardize,
  siteError,
  maskedMean,

  scaleInputs: constant,
  scaleOutputs: constant,
  biasThrough: constant,
};

/** What a pass for kernels makes. */
function ofKernels(node: Node): void {
  invariant(false, `'${node.id}' is for kernels alone`);
}

/** What depends on the weights alone is an initializer, made where it is read. */
function constant(node: Node): void {
  invariant(false, `'${node.id}' is a constant`);
}

/** Sites whose mean is taken at once; the last maps of the published sizes have fewer. */
const mostSummed = 256;

const sitesOf = ({ type }: Pick<Node, "type">): number => {
  const { height, width } = sites(type);
  return height * width;
};

/**
 * The product that sums the squares of all sites: with ones, which is several times faster than a reduction. Of a large
 * map, for which so many ones have no place in the file, a row's sites are summed first.
 */
function siteSum(node: Node<"sumSquares">, w: Writer): readonly [ones: string, squares: string] {
  const x = operand(node, 0);
  const { height, width } = sidesOf(w, w.node(x).type);
  const all = times(w, height, width);
  const large = typeof all === "number" && all > mostConstants;
  const value = w.value(x, large ? "map" : "row");
  const squared = w.step(node.id, "squared", "Mul", [value, value]);
  if (!large) return [ones(w, 1, all), squared];
  const rows = w.step(node.id, "rows", "MatMul", [ones(w, 1, width), squared]);
  const shape = lengths(w, 0, height, channels(w.node(x).type));
  return [ones(w, 1, height), w.step(node.id, "rows.listed", "Reshape", [rows, shape])];
}

/** From this many channels on, normalising sites as instances is the faster form, and as exact. */
const instanceChannels = 32;

/**
 * n, or n + 1, whose 1 carries the next layer's bias: see `carryingBias`. On a map this is an instance normalisation whose
 * instances are the sites, which runtimes have vectorised, as they have not the sums of their LayerNormalization.
 * It multiplies before it takes the mean off, which loses digits where a site's mean is far above its spread; over a
 * handful of channels that happens by chance. It has two constants a site, which maps of too many sites do without.
 */
function normalize(node: Node<"normalize">, w: Writer): void {
  const reader = w.soleReader(node.id);
  invariant(reader?.op === "linear" || reader?.op === "patchConv", `'${node.id}' is not read by one layer alone`);
  const x = operand(node, 0);
  const epsilon = float(node.attrs.eps);
  if (!hasInstances(node, w)) {
    w.result(node, "LayerNormalization", [w.value(x), ...affine(w, channels(node.type))], { axis: int(-1), epsilon });
  } else {
    const { height, width } = sidesOf(w, node.type);
    const scaleAndShift = affine(w, times(w, height, width));
    w.result(node, "InstanceNormalization", [w.value(x, "row"), ...scaleAndShift], { epsilon }, "row");
  }
}

/** The mean goes first where there is one to take off: it may be far above the spread. */
function rescale(node: Node<"rescale">, w: Writer): void {
  const { eps, by } = node.attrs;
  const { id } = node;
  const x = w.value(operand(node, 0));
  const count = channels(node.type);
  const centred =
    by === "square"
      ? x
      : w.step(id, "centred", "Sub", [x, w.step(id, "mean", "ReduceMean", ...overAxes(w, x, [-1], 1))]);
  const squared = w.step(id, "squared", "Mul", [centred, centred]);
  const mean = w.step(id, "square", "ReduceMean", ...overAxes(w, squared, [-1], 1));
  const variance = by === "square" ? mean : w.step(id, "variance", "Mul", [mean, scalar(w, count / (count - 1))]);
  const root = w.step(id, "root", "Sqrt", [w.step(id, "floor", "Add", [variance, scalar(w, eps)])]);
  w.result(node, "Div", [x, root]);
}

/** Whether sites are normalised as instances. */
function hasInstances({ type }: Pick<Node, "type">, { anySize }: Writer): boolean {
  if (type.shape.length !== 4 || channels(type) < instanceChannels) return false;
  return anySize !== null || sitesOf({ type }) <= mostConstants;
}

/** [N,1,C], or [1,1,C] over the batch. */
const sumSquares: { readonly [K in GrnOver]: (node: Node<"sumSquares">, w: Writer) => void } = {
  sample: (node, w) => w.result(node, "MatMul", siteSum(node, w)),
  batch(node, w) {
    const each = w.step(node.id, "each", "MatMul", siteSum(node, w));
    w.result(node, "ReduceSum", [each, integers(w, 0)], { keepdims: int(1) });
  },
};

/** By 1, and by the 1 that carries a bias. */
const affine = (w: Writer, length: Length): readonly string[] => [
  ones(w, length),
  (w.carryBias ? ones : zeros)(w, length),
];
