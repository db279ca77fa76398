import { invariant } from "../../diagnostics/invariant.ts";
import {
  channels,
  elements,
  type Graph,
  isBatched,
  type Node,
  nodeOf,
  operand,
  sites,
  type ValueId,
} from "../../graph/graph.ts";
import type { GeluApproximation, TrainingOp } from "../../graph/ops.ts";
import type { Variance } from "../../graph/training-ops.ts";
import { columnStrip, type KernelKind, type KernelParams, type MayBeScaled, type PatchGeometry } from "../kernels.ts";
import { chooseWeightGrad } from "../tiles/choose-tile.ts";
import { divideUp } from "../tiles/tile.ts";
import type { TuningProfile } from "../tiles/tuning-profiles.ts";
import { grnGrad } from "./grn.ts";
import {
  attr,
  type Calls,
  call,
  type FusionGroup,
  type Lowering,
  patchesInCompact,
  patchesOnMap,
  pooledAs,
} from "./lowering.ts";
import { targetOf } from "./sites.ts";
import { sumOf, weightDot, weightwise } from "./weightwise.ts";

/** What an op of a graph that learns becomes; null for those that only ever stand in front of a layer's weight. */
export const trainingLowerings: { readonly [K in Exclude<TrainingOp, "geluGrad">]: Lowering | null } = {
  transpose: null,
  flipKernel: null,

  times: ({ anchor }) => times(anchor),
  scaleSamples: ({ anchor }, graph) => {
    const [, blocks] = nodeOf(graph, operand(anchor, 1)).type.shape as [unknown, number];
    const params = { length: elements(anchor.type), blocks, index: attr(anchor, "scaleSamples").index };
    return one(anchor, "scaleSamples", params, { input: operand(anchor, 0), factors: operand(anchor, 1) });
  },

  crossEntropy: ({ anchor }, graph) => {
    const params = { classes: channels(nodeOf(graph, operand(anchor, 0)).type) };
    return one(anchor, "crossEntropy", params, { logits: operand(anchor, 0), targets: operand(anchor, 1) });
  },
  crossEntropyGrad: ({ anchor }, graph) => {
    const params = { classes: channels(anchor.type), ...scaledBy(graph, operand(anchor, 2)) };
    return one(anchor, "crossEntropyGrad", params, { logits: operand(anchor, 0), targets: operand(anchor, 1) });
  },

  linearWeightGrad: ({ anchor }, graph, tuning) => weightGrad(anchor, graph, tuning, 1),
  patchConvWeightGrad: ({ anchor }, graph, tuning) =>
    weightGrad(anchor, graph, tuning, attr(anchor, "patchConvWeightGrad").size),
  depthwiseWeightGrad: ({ anchor }, graph) => depthwiseGrad(anchor, graph, attr(anchor, "depthwiseWeightGrad"), null),
  siteDepthwiseWeightGrad: ({ anchor }, graph) => {
    const { kernel, ...grid } = attr(anchor, "siteDepthwiseWeightGrad");
    return depthwiseGrad(anchor, graph, { kernel }, patchesInCompact(grid, nodeOf(graph, operand(anchor, 0))));
  },

  channelSum: ({ anchor }, graph) => columnSum(anchor, graph, { input: operand(anchor, 0) }, { over: "batch" }),
  channelDot: ({ anchor, members }, graph) => {
    const { over } = attr(anchor, "channelDot");
    const gelu = members.find(node => node.op === "gelu");
    const other = gelu ? operand(gelu, 0) : operand(anchor, 1);
    const form = gelu ? attr(gelu, "gelu").form : null;
    return columnSum(anchor, graph, { input: operand(anchor, 0), other }, { over, gelu: form });
  },
  removedSum: ({ anchor }, graph) => {
    const removed = patchesOnMap(attr(anchor, "removedSum"), nodeOf(graph, operand(anchor, 0)));
    const reads = { input: operand(anchor, 0), table: operand(anchor, 1) };
    return columnSum(anchor, graph, reads, { over: "batch", removed });
  },

  inverseDeviation: ({ anchor }, graph) => {
    const { eps, variance } = attr(anchor, "inverseDeviation");
    const input = nodeOf(graph, operand(anchor, 0));
    return one(
      anchor,
      "inverseDeviation",
      { ...rowsOf(input), ...pooledAs(input), eps, variance },
      { input: input.id },
    );
  },
  normalizeGrad: ({ anchor }) => {
    const params = { ...rowsOf(anchor), ...pooledAs(anchor), variance: attr(anchor, "normalizeGrad").variance };
    const [normalized, deviation, d] = [operand(anchor, 0), operand(anchor, 1), operand(anchor, 2)];
    return one(anchor, "normalizeGrad", params, { normalized, deviation, d });
  },
  rescaleGrad: ({ anchor }) =>
    one(
      anchor,
      "rescaleGrad",
      { ...attr(anchor, "rescaleGrad"), ...rowsOf(anchor), ...pooledAs(anchor) },
      { input: operand(anchor, 0), d: operand(anchor, 1) },
    ),
  grnScaleGrad: grnGrad,
  grnResponseGrad: grnGrad,
  spreadSites: ({ anchor }) => {
    const params = { op: "spreadSites", ...sites(anchor.type), channels: channels(anchor.type) } as const;
    return one(anchor, "rearrange", params, { input: operand(anchor, 0) });
  },
  spreadPool: ({ anchor }, graph) => {
    const { type } = nodeOf(graph, operand(anchor, 0));
    const { size } = attr(anchor, "spreadPool");
    const params = { op: "spreadPool", ...sites(type), channels: channels(type), size } as const;
    return one(anchor, "rearrange", params, { input: operand(anchor, 0) });
  },
  unfoldGrad: ({ anchor }) => {
    const { kernel, stride } = attr(anchor, "unfoldGrad");
    const params = { ...sites(anchor.type), channels: channels(anchor.type), kernel, stride };
    return one(anchor, "unfoldGrad", params, { d: operand(anchor, 0) });
  },
  depthToSpace: ({ anchor }, graph) => {
    const { type } = nodeOf(graph, operand(anchor, 0));
    const { size } = attr(anchor, "depthToSpace");
    const params = { op: "depthToSpace", ...sites(type), channels: channels(type), size } as const;
    return one(anchor, "rearrange", params, { input: operand(anchor, 0) });
  },
  neighbourSum: (group, graph) => neighbours(group, graph),
  padSites: ({ anchor }, graph) => {
    const { type } = nodeOf(graph, operand(anchor, 0));
    const params = { op: "padSites", ...sites(type), channels: channels(type), to: sites(anchor.type) } as const;
    return one(anchor, "collect", params, { input: operand(anchor, 0) });
  },
  siteErrorGrad: (group, graph) => {
    const { params, reads } = targetOf(group, graph);
    return one(
      group.anchor,
      "siteErrorGrad",
      { ...params, invocations: 64 },
      { ...reads, d: operand(group.anchor, 2) },
    );
  },
  complement: ({ anchor }) =>
    one(
      anchor,
      "elementwise",
      { op: "complement", ...pooledAs(anchor), length: elements(anchor.type), channels: channels(anchor.type) },
      { input: operand(anchor, 0) },
    ),
  maskedMeanGrad: ({ anchor }, graph) => {
    const params = { patches: channels(anchor.type), ...scaledBy(graph, operand(anchor, 1)) };
    return one(anchor, "maskedMeanGrad", params, { mask: operand(anchor, 0) });
  },

  inputDot: ({ anchor }, graph) => weightDot(anchor, graph, { to: "inputs", by: "whole" }),
  outputDot: ({ anchor }, graph) => weightDot(anchor, graph, { to: "outputs", by: "whole" }),
  biasThroughGrad: ({ anchor }, graph) => weightDot(anchor, graph, { to: "inputs", by: "outputs" }),
  outer: weightwise,
};

/** One kernel, which writes the value it is named after. */
const one = <K extends KernelKind>(
  node: Node,
  kind: K,
  params: KernelParams[K],
  reads: Readonly<Record<string, ValueId>>,
  to = "output",
): Calls => ({ setup: [], steps: [call(node, kind, params, reads, { [to]: node.id })] });

/** 2x2 sites of a map as channels of one, and back. */
export function neighbours({ anchor }: FusionGroup, graph: Graph): Calls {
  const op = anchor.op === "neighbours" ? "neighbours" : "neighbourSum";
  const { dilation } = attr(anchor, op);
  const { type } = op === "neighbours" ? nodeOf(graph, operand(anchor, 0)) : anchor;
  return one(
    anchor,
    "collect",
    { op, ...sites(type), channels: channels(type), dilation },
    { input: operand(anchor, 0) },
  );
}

/** A loss is differentiated from itself, so that what flows into its gradient is a number: 1, or what f16 scales it by. */
function scaledBy(graph: Graph, id: ValueId): MayBeScaled {
  const node = nodeOf(graph, id);
  invariant(node.op === "constant", `'${id}' is not the gradient of a loss`);
  return node.attrs.value === 1 ? {} : { scale: node.attrs.value };
}

const rowsOf = ({ type }: Node): { readonly rows: number; readonly channels: number } => {
  return { rows: elements(type) / channels(type), channels: channels(type) };
};

/** Of statistics, of each image or of the whole batch; and of a target's gradient. */
function times(node: Node): Calls {
  const { by } = attr(node, "times");
  const op = by === 2 ? "twice" : "negated";
  invariant(by === 2 || by === -1, `no kernel multiplies '${node.id}' by ${by}`);
  if (!isBatched(node.type)) {
    invariant(by === 2, `no kernel negates '${node.id}'`);
    return sumOf(node, [operand(node, 0), operand(node, 0)]);
  }
  const params = { op, ...pooledAs(node), length: elements(node.type), channels: channels(node.type) } as const;
  return one(node, "elementwise", params, { input: operand(node, 0) });
}

/** Partial sums of columns, and their totals; rows of one are totals at once. */
function columnSum(
  node: Node,
  graph: Graph,
  reads: { readonly input: ValueId; readonly other?: ValueId; readonly table?: ValueId },
  of: {
    readonly over: "sample" | "batch";
    readonly removed?: PatchGeometry;
    readonly gelu?: GeluApproximation | null;
  },
): Calls {
  const input = nodeOf(graph, reads.input);
  if (!isBatched(input.type)) return sumOf(node, [input.id]);
  const { over, removed = null, gelu = null } = of;
  const { rows, channels } = rowsOf(input);
  const dot = reads.other !== undefined;
  const single = rows === 1 && !dot && removed === null;
  const tiles = single ? 1 : divideUp(rows, columnStrip);
  const sums = single ? input.id : `${node.id}.sums`;
  const partial = call(
    { ...node, id: sums },
    "columnSums",
    { ...pooledAs(input), rows, channels, dot, gelu, removed },
    reads,
    { sums },
  );
  const total = { length: channels, rows: tiles, over, taps: 1 };
  return {
    setup: [],
    steps: [...(single ? [] : [partial]), call(node, "columnTotals", total, { sums }, { total: node.id })],
  };
}

/** Rows whose products are added one after the other: longer sums lose digits. */
const chain = 512;

function weightGrad(node: Node, graph: Graph, tuning: TuningProfile, size: number): Calls {
  const [d, x] = [nodeOf(graph, operand(node, 0)), nodeOf(graph, operand(node, 1))];
  const [outputs, inputs] = [channels(d.type), channels(x.type)];
  const { height, width } = d.type.shape.length === 4 ? sites(d.type) : { height: 1, width: 1 };
  const columns = inputs * size * size;
  const { tile, parts } = chooseWeightGrad(tuning, { outputs, columns, rows: height * width });
  const of = x.type.shape.length === 4 ? sites(x.type) : { height, width };
  const whole = of.height === height * size && of.width === width * size;
  const params = { ...pooledAs(d), outputs, inputs, height, width, size, ...(whole ? {} : { of }), parts, chain, tile };
  const reads = { d: d.id, input: x.id };
  return inParts(node, parts, outputs * columns, 1, sums =>
    call({ ...node, id: sums }, "weightGrad", params, reads, { sums }),
  );
}

function depthwiseGrad(
  node: Node,
  graph: Graph,
  { kernel, dilation }: { readonly kernel: number; readonly dilation?: number },
  patches: PatchGeometry | null,
): Calls {
  const d = nodeOf(graph, operand(node, 0));
  const map = { ...sites(d.type), channels: channels(d.type) };
  const taps = kernel * kernel;
  const parts = Math.max(1, Math.min(map.height, 16));
  const params = { ...map, kernel, ...(dilation ? { dilation } : {}), parts, patches };
  const reads = { d: d.id, input: operand(node, 1), ...(patches ? { table: operand(node, 2) } : {}) };
  return inParts(node, parts, map.channels * taps, taps, sums =>
    call({ ...node, id: sums }, "depthwiseGrad", params, reads, { sums }),
  );
}

/** A kernel that leaves sums of so many parts, and their totals, where there is more than one or they lie otherwise. */
function inParts(
  node: Node,
  parts: number,
  length: number,
  taps: number,
  kernel: (sums: ValueId) => ReturnType<typeof call>,
): Calls {
  if (parts === 1 && taps === 1) return { setup: [], steps: [kernel(node.id)] };
  const sums = `${node.id}.parts`;
  const total = { length, rows: parts, over: "parts", taps } as const;
  return { setup: [], steps: [kernel(sums), call(node, "columnTotals", total, { sums }, { total: node.id })] };
}

/** An image as rows of channels or of patches, and the target of its patches, where their readers do not take them in. */
export const standalone = {
  toChannelsLast: ({ anchor }) =>
    one(
      anchor,
      "rearrange",
      { op: "toChannelsLast", ...sites(anchor.type), channels: channels(anchor.type) },
      { input: operand(anchor, 0) },
    ),
  patchify: ({ anchor }, graph) => {
    const image = nodeOf(graph, operand(anchor, 0));
    const [, channels, height, width] = image.type.shape as [unknown, number, number, number];
    const { size } = attr(anchor, "patchify");
    return one(anchor, "rearrange", { op: "patchify", height, width, channels, size }, { input: image.id });
  },
  standardize: ({ anchor }) => {
    const variance: Variance = "unbiased";
    const params = { ...rowsOf(anchor), eps: attr(anchor, "standardize").eps, variance };
    return one(anchor, "standardize", params, { input: operand(anchor, 0) });
  },
} as const satisfies Readonly<Record<string, Lowering>>;
