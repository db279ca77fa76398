import { invariant } from "../diagnostics/invariant.ts";
import {
  channels,
  elements,
  type Graph,
  type Node,
  nodeOf,
  operand,
  readers,
  sites,
  type ValueId,
} from "../graph/graph.ts";
import type { OpName, PatchGrid } from "../graph/ops.ts";
import type { PatchPlace } from "./kernels/shared.ts";
import {
  depthwisePacked,
  gemvPacked,
  type KernelKind,
  type KernelParams,
  kernelOf,
  squareStrips,
  stemPacked,
  stemSites,
} from "./kernels.ts";
import type { Step } from "./plan.ts";
import type { Steps } from "./schedule.ts";
import {
  chooseGemm,
  chooseGemv,
  chooseLines,
  chooseNorm,
  choosePool,
  chooseStrip,
  downsampleFits,
  type GemmShape,
  type GemmTile,
  grnInline,
  packedShape,
  squareTiles,
  type Tuning,
} from "./tile.ts";
import { recipe } from "./weights.ts";

/** Nodes that one kernel computes, in graph order; the kernel is named after the anchor. */
export interface Cluster {
  readonly anchor: Node;
  readonly members: readonly Node[];
}

type Lowering = (cluster: Cluster, graph: Graph, tuning: Tuning) => Steps;

/** One line per op that can stand for a kernel. */
export const lowerings = {
  patchConv: (cluster, graph, tuning) =>
    member(cluster, "toChannelsLast") ? stem(cluster, graph, tuning) : downsample(cluster, graph, tuning),
  depthwise,
  linear: (cluster, graph, tuning) =>
    cluster.anchor.type.shape.length === 2 ? classifier(cluster, graph, tuning) : gemm(cluster, graph, tuning),
  meanSites: pool,
  layernorm: rowNorm,
  normalize: rowNorm,
  sumSquares,
  grnScale,
  scaleChannels,
  shiftChannels: ({ anchor }) => elementwise(anchor, "shift", { shift: operand(anchor, 1) }),
  toChannelsFirst,
  gelu: ({ anchor }) => elementwise(anchor, attr(anchor, "gelu").form === "erf" ? "gelu" : "gelu-tanh", {}),
  add: ({ anchor }) => elementwise(anchor, "add", { other: operand(anchor, 1) }),
  maskSites: placeWhole,
  fillSites: placeWhole,
  patchTable,
  gatherSites,
  scatterSites,
  siteDepthwise,
  averagePool,
  siteError,
  maskedMean,
} as const satisfies { readonly [K in OpName]?: Lowering };

const member = (cluster: Cluster, op: OpName): Node | undefined => cluster.members.find(node => node.op === op);
const attr = <K extends OpName>(node: Node, op: K): Node<K>["attrs"] => {
  invariant(node.op === op, `'${node.id}' is no ${op}`);
  return node.attrs as Node<K>["attrs"];
};
/** What the group leaves behind besides statistics: its last value in graph order. */
const result = (cluster: Cluster): ValueId => {
  const last = cluster.members.filter(node => node.op !== "sumSquares").at(-1);
  invariant(last, `the group of '${cluster.anchor.id}' is empty`);
  return last.id;
};

function step<K extends KernelKind>(
  node: Node,
  kind: K,
  params: KernelParams[K],
  reads: Readonly<Record<string, ValueId>>,
  writes: Readonly<Record<string, ValueId>>,
  perImage = true,
): Step {
  const { bindings, grid, workgroup } = kernelOf(kind, params);
  return { name: node.id, kind, params, reads, writes, bindings, grid, perImage, workgroup, span: node.span } as Step;
}

/** The LayerNorm of a group, and the parameters its kernel reads. */
function norm(node: Node | undefined) {
  if (!node) return { params: null, reads: {} };
  if (node.op === "normalize") return { params: { eps: attr(node, "normalize").eps, affine: false }, reads: {} };
  const { eps } = attr(node, "layernorm");
  return { params: { eps, affine: true }, reads: { gain: operand(node, 1), shift: operand(node, 2) } };
}

/** The setup step that makes a layer's packed weight and bias, and what to bind them as. */
function packing(graph: Graph, node: Node, shape: Omit<KernelParams["pack"], "bias" | "gamma" | "beta" | "rowscale">) {
  const { weight, bias, gamma, beta, rowScale } = recipe(graph, operand(node, 1), operand(node, 2));
  const made = { packed: `${node.id}.packed`, packed_bias: `${node.id}.packed_bias` };
  const params = { ...shape, bias: true, gamma: gamma !== null, beta: beta !== null, rowscale: rowScale !== null };
  const reads = {
    weight,
    bias,
    ...(gamma === null ? {} : { gamma }),
    ...(beta === null ? {} : { beta }),
    ...(rowScale === null ? {} : { rowscale: rowScale }),
  };
  return {
    setup: [step(node, "pack", params, reads, made, false)],
    reads: { weight: made.packed, bias: made.packed_bias },
  };
}

function stem(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const image = nodeOf(graph, operand(member(cluster, "toChannelsLast") as Node, 0));
  const gather = member(cluster, "gatherSites");
  const grid = gather ? attr(gather, "gatherSites") : null;
  const [, inChannels, height, width] = image.type.shape as [unknown, number, number, number];
  const { size: patch } = attr(anchor, "patchConv");
  const count = channels(anchor.type);
  const normNode = cluster.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const map = stemSites({ height, width, patch, grid });
  const strip = (fused: boolean) => chooseStrip(tuning, { ...map, channels: count, vec: 4, norm: fused });
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: inChannels * patch * patch,
    taps: 1,
    packed: stemPacked({ inChannels, patch, channels: count }),
  });
  const convolve = (tile: KernelParams["stem"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    step(
      anchor,
      "stem",
      { height, width, inChannels, channels: count, patch, grid, norm: fused.params, tile },
      { input: image.id, ...reads, ...fused.reads, ...(gather ? { table: operand(gather, 1) } : {}) },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, strip, convolve, setup);
}

function depthwise(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const { kernel } = attr(anchor, "depthwise");
  const map = sites(anchor.type);
  const count = channels(anchor.type);
  const normNode = cluster.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: 1,
    taps: kernel * kernel,
    packed: depthwisePacked({ kernel, channels: count }),
  });
  const strip = (fused: boolean) =>
    chooseStrip(tuning, { ...map, channels: count, vec: count % 4 === 0 ? 4 : 1, norm: fused });
  const convolve = (tile: KernelParams["depthwise"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    step(
      anchor,
      "depthwise",
      { ...map, channels: count, kernel, norm: fused.params, tile },
      { input: operand(anchor, 0), ...reads, ...fused.reads },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, strip, convolve, setup);
}

/** A convolution and its LayerNorm: one kernel where a row of channels fits in workgroup memory, else two. */
function withNorm(
  anchor: Node,
  normNode: Node | undefined,
  tuning: Tuning,
  strip: (fused: boolean) => KernelParams["depthwise"]["tile"] | null,
  convolve: (tile: KernelParams["depthwise"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) => Step,
  setup: readonly Step[],
): Steps {
  const together = normNode ? strip(true) : null;
  if (normNode && together) return { setup, steps: [convolve(together, norm(normNode), normNode.id)] };
  const alone = strip(false);
  invariant(alone, `'${anchor.id}' has no tile`);
  const steps = [convolve(alone, norm(undefined), anchor.id)];
  return { setup, steps: normNode ? [...steps, normalizeRows(normNode, tuning)] : steps };
}

function normalizeRows(node: Node, tuning: Tuning): Step {
  const { params, reads } = norm(node);
  invariant(params, `'${node.id}' is no norm`);
  const count = channels(node.type);
  const rows = elements(node.type) / count;
  const shape = { rows, channels: count, norm: params, tile: chooseNorm(tuning, { rows }) };
  return step(node, "rowNorm", shape, { input: operand(node, 0), ...reads }, { output: node.id });
}

function rowNorm({ anchor }: Cluster, _: Graph, tuning: Tuning): Steps {
  return { setup: [], steps: [normalizeRows(anchor, tuning)] };
}

function downsample(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const normNode = member(cluster, "normalize");
  const inputId = normNode ? operand(normNode, 0) : operand(anchor, 0);
  const input = nodeOf(graph, inputId);
  const map = sites(input.type);
  const [depth, columns] = [channels(input.type), channels(anchor.type)];
  invariant(attr(anchor, "patchConv").size === 2, `'${anchor.id}' does not halve its map`);
  const out = sites(anchor.type);
  const tile = chooseGemm(tuning, { rows: out.height * out.width, depth: 4 * depth, columns });
  const { setup, reads } = packing(graph, anchor, {
    columns,
    channels: depth,
    taps: 4,
    packed: packedShape(tile, { channels: depth, taps: 4, columns }),
  });
  const convolve = (from: ValueId, eps: number | null): Step =>
    step(
      anchor,
      "downsample",
      { ...map, channels: depth, columns, norm: eps === null ? null : { eps }, tile },
      { input: from, ...reads },
      { output: anchor.id },
    );
  if (!normNode) return { setup, steps: [convolve(inputId, null)] };
  if (downsampleFits(tuning, tile, 8)) return { setup, steps: [convolve(inputId, attr(normNode, "normalize").eps)] };
  return { setup, steps: [normalizeRows(normNode, tuning), convolve(normNode.id, null)] };
}

const gemmShape = (node: Node, depth: number): GemmShape => {
  return { rows: rowsOf(node), depth, columns: channels(node.type) };
};

function gemm(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const scaled = member(cluster, "scaleChannels");
  const input = nodeOf(graph, scaled ? operand(scaled, 0) : operand(anchor, 0));
  const depth = channels(input.type);
  const shape = gemmShape(anchor, depth);
  const tile = chooseGemm(tuning, shape);
  const gelu = member(cluster, "gelu");
  const squares = member(cluster, "sumSquares");
  const add = member(cluster, "add");
  const mask = member(cluster, "maskSites");
  const { setup, reads } = packing(graph, anchor, {
    columns: shape.columns,
    channels: depth,
    taps: 1,
    packed: packedShape(tile, { channels: depth, taps: 1, columns: shape.columns }),
  });
  const grn = scaled ? grnInput(graph, nodeOf(graph, operand(scaled, 1)), tile, tuning) : null;
  const params = {
    title: scaled ? "second linear" : gelu ? "first linear" : "linear",
    ...shape,
    gelu: gelu ? attr(gelu, "gelu").form : null,
    residual: add !== undefined,
    mask: mask ? placeOn(attr(mask, "maskSites"), mask) : null,
    grn: grn?.params ?? null,
    squares: squares !== undefined,
    tile,
  };
  const operands = {
    input: input.id,
    ...reads,
    ...(grn?.reads ?? {}),
    ...(add ? { residual: operand(add, 1) } : {}),
    ...(mask ? { mask: operand(mask, 1) } : {}),
  };
  const writes = { output: result(cluster), ...(squares ? { squares: squares.id } : {}) };
  return { setup, steps: [step(anchor, "gemm", params, operands, writes)] };
}

/** GRN's factors for a linear: worked out in it from the partial sums where those are few, else read. */
function grnInput(graph: Graph, scale: Node, tile: GemmTile, tuning: Tuning) {
  const { inline, tiles } = grnFactors(graph, scale, tile, tuning);
  return inline
    ? { params: { kind: "partials", tiles } as const, reads: { partials: operand(scale, 0), gamma: operand(scale, 1) } }
    : { params: { kind: "vector" } as const, reads: { scale: scale.id } };
}

/**
 * Whether the linear that reads GRN's factors computes them itself, and how many partial rows there are. `tile` is that
 * of the linear, null where something else reads them.
 */
function grnFactors(graph: Graph, scale: Node, tile: GemmTile | null, tuning: Tuning) {
  const squares = nodeOf(graph, operand(scale, 0));
  invariant(squares.op === "sumSquares", `'${scale.id}' has no squares`);
  const tiles = partialRows(graph, squares, tuning);
  const perSample = attr(squares, "sumSquares").over === "sample";
  const alone = readers(graph).get(scale.id)?.length === 1;
  return { tiles, inline: tile !== null && perSample && alone && grnInline(tuning, tile, tiles) };
}

/** Rows of partial sums of squares: as many as the linear that they are summed in has tiles, or their own kernel. */
function partialRows(graph: Graph, squares: Node, tuning: Tuning): number {
  const producer = nodeOf(graph, graph.groups.get(squares.id) ?? squares.id);
  if (producer.op !== "linear") return squareStrips(rowsOf(nodeOf(graph, operand(squares, 0))));
  const wide = nodeOf(graph, operand(producer, 0));
  const from = gemmShape(producer, channels(wide.type));
  return squareTiles(chooseGemm(tuning, from), from.rows);
}

const rowsOf = (node: Node): number => elements(node.type) / channels(node.type);

function sumSquares({ anchor }: Cluster, graph: Graph): Steps {
  const input = nodeOf(graph, operand(anchor, 0));
  const params = { rows: rowsOf(input), channels: channels(input.type) };
  return { setup: [], steps: [step(anchor, "sumSquares", params, { input: input.id }, { squares: anchor.id })] };
}

/** By GRN's factors, of which every image has its own, or by a parameter. */
function scaleChannels({ anchor }: Cluster, graph: Graph): Steps {
  const factor = nodeOf(graph, operand(anchor, 1));
  return elementwise(anchor, factor.op === "grnScale" ? "scale-each" : "scale", { factor: factor.id });
}

function grnScale({ anchor }: Cluster, graph: Graph, tuning: Tuning): Steps {
  const [reader] = readers(graph).get(anchor.id) ?? [];
  const linear = reader && nodeOf(graph, graph.groups.get(reader.id) ?? reader.id);
  const tile = linear?.op === "linear" ? chooseGemm(tuning, gemmShape(linear, channels(anchor.type))) : null;
  const { inline, tiles } = grnFactors(graph, anchor, tile, tuning);
  if (inline) return { setup: [], steps: [] };
  const batch = anchor.type.shape[0] !== "N";
  const params = { channels: channels(anchor.type), tiles, batch, invocations: 256 };
  const reads = { partials: operand(anchor, 0), gamma: operand(anchor, 1) };
  return { setup: [], steps: [step(anchor, "grnScale", params, reads, { scale: anchor.id }, true)] };
}

function classifier({ anchor }: Cluster, graph: Graph, tuning: Tuning): Steps {
  const depth = channels(nodeOf(graph, operand(anchor, 0)).type);
  const columns = channels(anchor.type);
  const tile = chooseGemv(tuning);
  const packed = gemvPacked(tile, { depth, columns });
  const { setup, reads } = packing(graph, anchor, { columns, channels: depth, taps: 1, packed });
  const params = { title: "classifier", depth, columns, gelu: null, residual: false, tile };
  return {
    setup,
    steps: [step(anchor, "gemv", params, { input: operand(anchor, 0), ...reads }, { output: anchor.id })],
  };
}

function pool(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const map = sites(nodeOf(graph, operand(anchor, 0)).type);
  const count = channels(anchor.type);
  const normNode = cluster.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const shape = { sites: map.height * map.width, channels: count };
  const average = (fused: ReturnType<typeof norm>, to: ValueId): Step | null => {
    const tile = choosePool(tuning, { channels: count, norm: fused.params !== null });
    const reads = { input: operand(anchor, 0), ...fused.reads };
    return tile && step(anchor, "pool", { ...shape, norm: fused.params, tile }, reads, { output: to });
  };
  const together = normNode ? average(norm(normNode), normNode.id) : null;
  if (together) return { setup: [], steps: [together] };
  const alone = average(norm(undefined), anchor.id);
  invariant(alone, `'${anchor.id}' has no tile`);
  return { setup: [], steps: normNode ? [alone, normalizeRows(normNode, tuning)] : [alone] };
}

function toChannelsFirst({ anchor }: Cluster, graph: Graph, tuning: Tuning): Steps {
  const input = nodeOf(graph, operand(anchor, 0));
  const map = sites(input.type);
  const rows = map.height * map.width;
  const params = { sites: rows, channels: channels(input.type), norm: null, tile: chooseNorm(tuning, { rows }) };
  return { setup: [], steps: [step(anchor, "toChannelsFirst", params, { input: input.id }, { output: anchor.id })] };
}

/** The grid of an op on a whole map, and how many sites each patch has there. */
function placeOn({ rows, columns, keep }: PatchGrid, node: Node): PatchPlace {
  const { height, width } = sites(node.type);
  return { rows, columns, keep, down: height / rows, across: width / columns };
}

/** The same of an op on a compact map. */
function placeIn({ rows, columns, keep }: PatchGrid, node: Node): PatchPlace {
  const { height, width } = sites(node.type);
  return { rows, columns, keep, down: height / keep, across: width };
}

function placeWhole({ anchor }: Cluster): Steps {
  const place = placeOn(anchor.attrs as PatchGrid, anchor);
  const params = {
    ...place,
    channels: channels(anchor.type),
    from: "whole",
    token: anchor.op === "fillSites",
  } as const;
  const token = params.token ? { token: operand(anchor, 2) } : {};
  const reads = { input: operand(anchor, 0), mask: operand(anchor, 1), ...token };
  return { setup: [], steps: [step(anchor, "placeSites", params, reads, { output: anchor.id })] };
}

function scatterSites({ anchor }: Cluster): Steps {
  const place = placeOn(attr(anchor, "scatterSites"), anchor);
  const token = anchor.inputs[2];
  const params = { ...place, channels: channels(anchor.type), from: "compact", token: token !== undefined } as const;
  const reads = { input: operand(anchor, 0), table: operand(anchor, 1), ...(token === undefined ? {} : { token }) };
  return { setup: [], steps: [step(anchor, "placeSites", params, reads, { output: anchor.id })] };
}

function gatherSites({ anchor }: Cluster): Steps {
  const params = { ...placeIn(attr(anchor, "gatherSites"), anchor), channels: channels(anchor.type) };
  const reads = { input: operand(anchor, 0), table: operand(anchor, 1) };
  return { setup: [], steps: [step(anchor, "gatherSites", params, reads, { output: anchor.id })] };
}

function patchTable({ anchor }: Cluster): Steps {
  const { rows, columns, keep } = attr(anchor, "patchTable");
  const reads = { mask: operand(anchor, 0) };
  return { setup: [], steps: [step(anchor, "patchTable", { rows, columns, keep }, reads, { table: anchor.id })] };
}

function siteDepthwise(cluster: Cluster, graph: Graph, tuning: Tuning): Steps {
  const { anchor } = cluster;
  const { kernel } = attr(anchor, "siteDepthwise");
  const place = placeIn(attr(anchor, "siteDepthwise"), anchor);
  const count = channels(anchor.type);
  const normNode = cluster.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: 1,
    taps: kernel * kernel,
    packed: depthwisePacked({ kernel, channels: count }),
  });
  const { down, across, keep } = place;
  const shape = { lines: keep * down, across, channels: count, vec: count % 4 === 0 ? 4 : 1 } as const;
  const convolve = (tile: KernelParams["siteDepthwise"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    step(
      anchor,
      "siteDepthwise",
      { ...place, channels: count, kernel, norm: fused.params, tile },
      { input: operand(anchor, 0), ...reads, ...fused.reads, table: operand(anchor, 3) },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, fused => chooseLines(tuning, { ...shape, norm: fused }), convolve, setup);
}

function averagePool({ anchor }: Cluster, graph: Graph): Steps {
  const input = nodeOf(graph, operand(anchor, 0));
  const params = { ...sites(input.type), channels: channels(input.type), size: attr(anchor, "averagePool").size };
  return { setup: [], steps: [step(anchor, "averagePool", params, { input: input.id }, { output: anchor.id })] };
}

/** Errors against what the image's own patches hold; where nobody else reads them, of removed patches alone. */
function siteError(cluster: Cluster, graph: Graph): Steps {
  const { anchor } = cluster;
  const patches = member(cluster, "patchify");
  const standardize = member(cluster, "standardize");
  invariant(patches, `'${anchor.id}' is compared with something else than an image's patches`);
  const image = nodeOf(graph, operand(patches, 0));
  const { size } = attr(patches, "patchify");
  const { height, width } = sites(patches.type);
  const [reader] = readers(graph).get(anchor.id) ?? [];
  const alone = reader?.op === "maskedMean" && !graph.outputs.some(({ value }) => value === anchor.id);
  const params = {
    ...{ rows: height, columns: width, keep: 0, size, channels: image.type.shape[1] as number },
    eps: standardize ? attr(standardize, "standardize").eps : null,
    removedOnly: alone,
    invocations: 64,
  };
  const reads = { pred: operand(anchor, 0), image: image.id, ...(alone ? { mask: operand(reader, 1) } : {}) };
  return { setup: [], steps: [step(anchor, "siteError", params, reads, { errors: anchor.id })] };
}

function maskedMean({ anchor }: Cluster, graph: Graph): Steps {
  const [, patches] = nodeOf(graph, operand(anchor, 0)).type.shape as [unknown, number];
  const params = { patches, invocations: 64 };
  const reads = { errors: operand(anchor, 0), mask: operand(anchor, 1) };
  return { setup: [], steps: [step(anchor, "maskedMean", params, reads, { output: anchor.id }, false)] };
}

function elementwise(
  node: Node,
  op: KernelParams["elementwise"]["op"],
  more: Readonly<Record<string, ValueId>>,
): Steps {
  const params = { op, length: elements(node.type), channels: channels(node.type) };
  const reads = { input: operand(node, 0), ...more };
  return { setup: [], steps: [step(node, "elementwise", params, reads, { output: node.id })] };
}
