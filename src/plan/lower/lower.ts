import { channels, elements, type Graph, type Node, nodeOf, operand, sites } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import { gemvPacked } from "../kernels.ts";
import { chooseGemm, chooseGemv, chooseNorm, choosePool } from "../tiles/choose-tile.ts";
import { packedShape } from "../tiles/tile.ts";
import type { TuningProfile } from "../tiles/tuning-profiles.ts";
import { depthwise, downsample, rowNorm, siteDepthwise, stem } from "./convolutions.ts";
import { neighbours, standalone, trainingLowerings } from "./gradients.ts";
import { gemmShape, grnInput, grnScale, sumSquares } from "./grn.ts";
import {
  attr,
  type Calls,
  call,
  type FusionGroup,
  type Lowering,
  member,
  norm,
  packing,
  patchesOnMap,
  type ReadGraph,
  result,
} from "./lowering.ts";
import { pointwiseLowerings } from "./pointwise.ts";
import { averagePool, gatherSites, maskedMean, patchTable, placeWhole, scatterSites, siteError } from "./sites.ts";
import { biasThrough, weightwise } from "./weightwise.ts";

/** What an op becomes that its kernel is named after; null for those that are only ever parts of another's, or of none. */
export const lowerings: { readonly [K in OpName]: Lowering | null } = {
  ...trainingLowerings,
  ...pointwiseLowerings,
  input: null,
  param: null,
  constant: null,
  conv: null,
  unfold,
  reshape: weightwise,
  toChannelsLast: standalone.toChannelsLast,
  patchConv: (group, graph, tuning) =>
    member(group, "toChannelsLast") ? stem(group, graph, tuning) : downsample(group, graph, tuning),
  depthwise,
  neighbours,
  linear: (group, graph, tuning) =>
    group.anchor.type.shape.length === 2 ? classifier(group, graph, tuning) : gemm(group, graph, tuning),
  meanSites: pool,
  layernorm: rowNorm,
  normalize: rowNorm,
  rescale: ({ anchor }) => rescale(anchor),
  sumSquares,
  grnScale,
  toChannelsFirst,
  maskSites: placeWhole,
  fillSites: placeWhole,
  patchTable,
  gatherSites,
  scatterSites,
  siteDepthwise,
  averagePool,
  siteError,
  maskedMean,
  grn: null,
  patchify: standalone.patchify,
  standardize: standalone.standardize,
  scaleInputs: weightwise,
  scaleOutputs: weightwise,
  biasThrough: ({ anchor }, graph) => biasThrough(anchor, graph),
};

function gemm(group: FusionGroup, graph: ReadGraph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const scaled = member(group, "scaleChannels");
  const input = nodeOf(graph, scaled ? operand(scaled, 0) : operand(anchor, 0));
  const depth = channels(input.type);
  const shape = gemmShape(anchor, depth);
  const tile = chooseGemm(tuning, shape);
  const gelu = member(group, "gelu");
  const unfolded = nodeOf(graph, operand(anchor, 0)).op === "unfold";
  const squares = member(group, "sumSquares");
  const add = member(group, "add");
  const mask = member(group, "maskSites");
  const hidden = gelu !== undefined && (graph.readers.get(anchor.id)?.length ?? 0) > 1;
  const { setup, reads } = packing(graph, anchor, {
    columns: shape.columns,
    channels: depth,
    taps: 1,
    packed: packedShape(tile, { channels: depth, taps: 1, columns: shape.columns }),
  });
  const grn = scaled ? grnInput(graph, nodeOf(graph, operand(scaled, 1)), tile, tuning) : null;
  const params = {
    title: unfolded ? "convolution" : scaled ? "second linear" : gelu ? "first linear" : "linear",
    ...shape,
    gelu: gelu ? attr(gelu, "gelu").form : null,
    residual: add !== undefined,
    mask: mask ? patchesOnMap(attr(mask, "maskSites"), mask) : null,
    grn: grn?.params ?? null,
    squares: squares !== undefined,
    ...(hidden ? { hidden } : {}),
    tile,
  };
  const operands = {
    input: input.id,
    ...reads,
    ...(grn?.reads ?? {}),
    ...(add ? { residual: operand(add, 1) } : {}),
    ...(mask ? { mask: operand(mask, 1) } : {}),
  };
  const writes = {
    output: result(group),
    ...(squares ? { squares: squares.id } : {}),
    ...(hidden ? { hidden: anchor.id } : {}),
  };
  return { setup, steps: [call(anchor, "gemm", params, operands, writes)] };
}

function classifier({ anchor }: FusionGroup, graph: ReadGraph, tuning: TuningProfile): Calls {
  const depth = channels(nodeOf(graph, operand(anchor, 0)).type);
  const columns = channels(anchor.type);
  const tile = chooseGemv(tuning);
  const packed = gemvPacked(tile, { depth, columns });
  const { setup, reads } = packing(graph, anchor, { columns, channels: depth, taps: 1, packed });
  const isHidden = graph.readers.get(anchor.id)?.some(({ op }) => op === "gelu") ?? false;
  const params = { title: isHidden ? "hidden layer of the head" : "classifier", depth, columns, tile };
  return {
    setup,
    steps: [call(anchor, "gemv", params, { input: operand(anchor, 0), ...reads }, { output: anchor.id })],
  };
}

function pool(group: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const map = sites(nodeOf(graph, operand(anchor, 0)).type);
  const count = channels(anchor.type);
  const normNode = group.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const fused = norm(normNode);
  const params = {
    sites: map.height * map.width,
    channels: count,
    norm: fused.params,
    invocations: choosePool(tuning, count),
  };
  const reads = { input: operand(anchor, 0), ...fused.reads };
  return { setup: [], steps: [call(anchor, "pool", params, reads, { output: (normNode ?? anchor).id })] };
}

function rescale(node: Node): Calls {
  const params = {
    ...attr(node, "rescale"),
    rows: elements(node.type) / channels(node.type),
    channels: channels(node.type),
  };
  const pooled = node.type.shape.length === 2 ? { pooled: true as const } : {};
  const made = call(node, "rescale", { ...params, ...pooled }, { input: operand(node, 0) }, { output: node.id });
  return { setup: [], steps: [made] };
}

function unfold(group: FusionGroup, graph: Graph): Calls {
  const { anchor } = group;
  const image = member(group, "toChannelsLast");
  const from = image ?? nodeOf(graph, operand(anchor, 0));
  const params = {
    ...sites(from.type),
    channels: channels(from.type),
    ...attr(anchor, "unfold"),
    ...(image ? { fromImage: true as const } : {}),
  };
  const input = operand(image ?? anchor, 0);
  return { setup: [], steps: [call(anchor, "unfold", params, { input }, { output: anchor.id })] };
}

function toChannelsFirst({ anchor }: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const input = nodeOf(graph, operand(anchor, 0));
  const map = sites(input.type);
  const rows = map.height * map.width;
  const params = { sites: rows, channels: channels(input.type), tile: chooseNorm(tuning, { rows }) };
  return { setup: [], steps: [call(anchor, "toChannelsFirst", params, { input: input.id }, { output: anchor.id })] };
}
