import { isBatched, type OpTable, operand, sites, type ValueId } from "./graph.ts";
import type { OpName, Ops, PatchGrid, TensorType } from "./ops.ts";
import type { Variance } from "./training-ops.ts";

/** A node without its name: what an adjoint writes. */
export type Call = {
  readonly [K in OpName]: { readonly op: K; readonly inputs: readonly ValueId[]; readonly attrs: Ops[K] };
}[OpName];

/** Writes a value that a gradient needs on the way, named after the node that is differentiated. */
export type Write = (name: string, call: Call) => ValueId;

/** The gradient that a node gives one operand: a node to write, or a value that is there. It may be flat. */
export type Share = (write: Write) => Call | ValueId;

/** The node's own gradient, and types of its operands. */
interface Known {
  readonly d: ValueId;
  readonly type: (id: ValueId) => TensorType;
}

/** Why an op has no adjoint. */
export interface NoAdjoint {
  readonly none: string;
}

/** What flows back to each operand, in order; null to one that nothing is learned through. */
type Adjoint = readonly (Share | null)[] | NoAdjoint;

const call = <K extends OpName>(op: K, inputs: readonly ValueId[], attrs: Ops[K]): Call =>
  ({ op, inputs, attrs }) as unknown as Call;

const zeros = (length: number): Call => call("constant", [], { value: 0, type: { dtype: "f32", shape: [length] } });

const noSecond: NoAdjoint = { none: "it is a gradient, and second derivatives are not taken" };
const leaf: Adjoint = [];

/** Through a linear layer gradients come back by the transposed weight, a column an output. */
const throughWeight =
  (d: ValueId, weight: ValueId, type: TensorType) =>
  (write: Write): Call => {
    const [_outputs, ...inputs] = type.shape as readonly number[];
    const transposed = write("weight.transposed", call("transpose", [weight], {}));
    const none = write("grad.zeros", zeros(inputs.reduce((a, b) => a * b, 1)));
    return call("linear", [d, transposed, none], {});
  };

/** The weight of a linear layer as rows of inputs, in the order in which they are there. */
function matrix(write: Write, weight: ValueId, type: TensorType): readonly [ValueId, TensorType] {
  const [outputs, ...inputs] = type.shape as readonly number[];
  if (inputs.slice(1).every(length => length === 1)) return [weight, type];
  const flat: TensorType = { dtype: "f32", shape: [outputs as number, inputs.reduce((a, b) => a * b, 1)] };
  return [write("weight.flat", call("reshape", [weight], { type: flat })), flat];
}

/** A correlation with the kernel turned by half a turn. */
const flipped = (write: Write, weight: ValueId, channels: number): readonly [ValueId, ValueId] => [
  write("weight.flipped", call("flipKernel", [weight], {})),
  write("grad.zeros", zeros(channels)),
];

const normalized =
  (
    variance: Variance,
  ): ((node: { id: ValueId; inputs: readonly ValueId[]; attrs: { eps: number } }, known: Known) => Adjoint) =>
  ({ id, inputs, attrs: { eps } }, { d }) => [
    write => {
      const deviation = write("deviation", call("inverseDeviation", inputs, { eps, variance }));
      return call("normalizeGrad", [id, deviation, d], { variance });
    },
  ];

const grid = ({ rows, columns, keep }: PatchGrid): PatchGrid => ({ rows, columns, keep });

/**
 * The gradient of every op with respect to its operands, d being that with respect to its result: the transposed
 * Jacobian, as nodes of the same graph. An op has one, or says why not.
 */
export const adjoints: OpTable<Adjoint, [Known]> = {
  input: () => leaf,
  param: () => leaf,
  constant: () => leaf,

  toChannelsLast: (_, { d }) => [() => call("toChannelsFirst", [d], {})],
  toChannelsFirst: (_, { d }) => [() => call("toChannelsLast", [d], {})],
  reshape: ({ inputs: [x] }, { d, type }) => [() => call("reshape", [d], { type: type(x as ValueId) })],

  patchConv(node, { d, type }) {
    const [x, weight] = [operand(node, 0), operand(node, 1)];
    const { size } = node.attrs;
    return [
      write => {
        const patches = write("input.patches", throughWeight(d, weight, type(weight))(write));
        const covered = call("depthToSpace", [patches], { size });
        const { height, width } = sites(type(x));
        if (height % size === 0 && width % size === 0) return covered;
        return call("padSites", [write("input.covered", covered)], { height, width });
      },
      () => call("patchConvWeightGrad", [d, x], { size }),
      () => call("channelSum", [d], {}),
    ];
  },
  conv: () => ({ none: "it is split into unfold and linear before" }),
  unfold: (node, { d, type }) => [() => call("unfoldGrad", [d], { ...node.attrs, ...sites(type(operand(node, 0))) })],
  depthwise(node, { d, type }) {
    const [x, weight] = [operand(node, 0), operand(node, 1)];
    return [
      write => call("depthwise", [d, ...flipped(write, weight, type(weight).shape[0] as number)], node.attrs),
      () => call("depthwiseWeightGrad", [d, x], node.attrs),
      () => call("channelSum", [d], {}),
    ];
  },
  siteDepthwise(node, { d, type }) {
    const [x, weight, table] = [operand(node, 0), operand(node, 1), operand(node, 3)];
    const channels = type(weight).shape[0] as number;
    return [
      write => call("siteDepthwise", [d, ...flipped(write, weight, channels), table], node.attrs),
      () => call("siteDepthwiseWeightGrad", [d, x, table], node.attrs),
      () => call("channelSum", [d], {}),
      null,
    ];
  },
  neighbours: ({ attrs }, { d }) => [() => call("neighbourSum", [d], attrs)],
  linear(node, { d, type }) {
    const [x, weight] = [operand(node, 0), operand(node, 1)];
    return [
      write => throughWeight(d, ...matrix(write, weight, type(weight)))(write),
      () => call("linearWeightGrad", [d, x], {}),
      () => call("channelSum", [d], {}),
    ];
  },

  layernorm: () => ({ none: "it is split into normalize, scaleChannels and shiftChannels before" }),
  grn: () => ({ none: "it is split into sumSquares, grnScale, scaleChannels and shiftChannels before" }),
  normalize: normalized("biased"),
  standardize: normalized("unbiased"),
  rescale: (node, { d }) => [() => call("rescaleGrad", [operand(node, 0), d], node.attrs)],
  gelu: (node, { d }) => [() => call("geluGrad", [operand(node, 0), d], node.attrs)],

  /** Σx²: 2·x·d, d one value a channel. */
  sumSquares: (node, { d }) => [
    write => call("scaleChannels", [operand(node, 0), write("grad.twice", call("times", [d], { by: 2 }))], {}),
  ],
  grnScale(node, { d }) {
    const [q, gamma] = [operand(node, 0), operand(node, 1)];
    return [
      () => call("grnScaleGrad", [q, gamma, d], node.attrs),
      write => call("channelSum", [write("grad.response", call("grnResponseGrad", [q, d], node.attrs))], {}),
    ];
  },
  scaleChannels(node, { d, type }) {
    const [x, scale] = [operand(node, 0), operand(node, 1)];
    const over = isBatched(type(scale)) ? "sample" : "batch";
    return [() => call("scaleChannels", [d, scale], {}), () => call("channelDot", [d, x], { over })];
  },
  shiftChannels: (_, { d }) => [() => d, () => call("channelSum", [d], {})],
  add: (_, { d }) => [() => d, () => d],
  times: ({ attrs }, { d }) => [() => call("times", [d], attrs)],
  scaleSamples: (node, { d }) => [() => call("scaleSamples", [d, operand(node, 1)], node.attrs), null],
  meanSites: (node, { d, type }) => [() => call("spreadSites", [d], sites(type(operand(node, 0))))],
  averagePool: ({ attrs }, { d }) => [() => call("spreadPool", [d], attrs)],
  patchify: ({ attrs }, { d }) => [
    write => call("toChannelsFirst", [write("grad.pixels", call("depthToSpace", [d], attrs))], {}),
  ],

  maskSites: (node, { d }) => [() => call("maskSites", [d, operand(node, 1)], node.attrs), null],
  fillSites(node, { d }) {
    const mask = operand(node, 1);
    return [
      () => call("maskSites", [d, mask], node.attrs),
      null,
      write => call("removedSum", [d, write("grad.table", call("patchTable", [mask], node.attrs))], node.attrs),
    ];
  },
  patchTable: () => [null],
  gatherSites: (node, { d }) => [() => call("scatterSites", [d, operand(node, 1)], node.attrs), null],
  scatterSites(node, { d }) {
    const table = operand(node, 1);
    const token = () => call("removedSum", [d, table], grid(node.attrs));
    return [() => call("gatherSites", [d, table], node.attrs), null, ...(node.inputs.length > 2 ? [token] : [])];
  },

  siteError(node, { d }) {
    const [x, y] = [operand(node, 0), operand(node, 1)];
    const slope = call("siteErrorGrad", [x, y, d], {});
    return [() => slope, write => call("times", [write("grad.slope", slope)], { by: -1 })];
  },
  complement: () => [null],
  maskedMean: (node, { d }) => [() => call("maskedMeanGrad", [operand(node, 1), d], {}), null],
  crossEntropy: (node, { d }) => [() => call("crossEntropyGrad", [...node.inputs, d], {}), null],

  scaleInputs(node, { d }) {
    const [weight, scale] = [operand(node, 0), operand(node, 1)];
    return [() => call("scaleInputs", [d, scale], {}), () => call("inputDot", [d, weight], {})];
  },
  scaleOutputs(node, { d }) {
    const [weight, scale] = [operand(node, 0), operand(node, 1)];
    return [() => call("scaleOutputs", [d, scale], {}), () => call("outputDot", [d, weight], {})];
  },
  biasThrough(node, { d, type }) {
    const [weight, vector] = [operand(node, 1), operand(node, 2)];
    return [
      () => d,
      () => call("outer", [d, vector], { type: type(weight) }),
      () => call("biasThroughGrad", [weight, d], {}),
    ];
  },

  crossEntropyGrad: () => noSecond,
  linearWeightGrad: () => noSecond,
  patchConvWeightGrad: () => noSecond,
  depthwiseWeightGrad: () => noSecond,
  siteDepthwiseWeightGrad: () => noSecond,
  channelSum: () => noSecond,
  channelDot: () => noSecond,
  removedSum: () => noSecond,
  inverseDeviation: () => noSecond,
  normalizeGrad: () => noSecond,
  rescaleGrad: () => noSecond,
  geluGrad: () => noSecond,
  grnScaleGrad: () => noSecond,
  grnResponseGrad: () => noSecond,
  spreadSites: () => noSecond,
  spreadPool: () => noSecond,
  unfoldGrad: () => noSecond,
  depthToSpace: () => noSecond,
  neighbourSum: () => noSecond,
  padSites: () => noSecond,
  siteErrorGrad: () => noSecond,
  maskedMeanGrad: () => noSecond,
  transpose: () => noSecond,
  flipKernel: () => noSecond,
  inputDot: () => noSecond,
  outputDot: () => noSecond,
  outer: () => noSecond,
  biasThroughGrad: () => noSecond,
};
