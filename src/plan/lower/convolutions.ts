import { invariant } from "../../diagnostics/invariant.ts";
import { channels, elements, type Graph, type Node, nodeOf, operand, sites, type ValueId } from "../../graph/graph.ts";
import { depthwisePacked, type KernelParams, stemPacked, stemSites } from "../kernels.ts";
import type { KernelCall } from "../plan.ts";
import { chooseGemm, chooseLines, chooseNorm, chooseStrip, downsampleFits } from "../tiles/choose-tile.ts";
import { packedShape } from "../tiles/tile.ts";
import type { TuningProfile } from "../tiles/tuning-profiles.ts";
import { attr, type Calls, call, type FusionGroup, member, norm, packing, patchesInCompact } from "./lowering.ts";

export function stem(group: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const image = nodeOf(graph, operand(member(group, "toChannelsLast") as Node, 0));
  const gather = member(group, "gatherSites");
  const grid = gather ? attr(gather, "gatherSites") : null;
  const [, inChannels, height, width] = image.type.shape as [unknown, number, number, number];
  const { size: patch } = attr(anchor, "patchConv");
  const count = channels(anchor.type);
  const normNode = group.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const map = stemSites({ height, width, patch, grid });
  const strip = (fused: boolean) => chooseStrip(tuning, { ...map, channels: count, vec: 4, norm: fused });
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: inChannels,
    taps: patch * patch,
    packed: stemPacked({ inChannels, patch, channels: count }),
  });
  const convolve = (tile: KernelParams["stem"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    call(
      anchor,
      "stem",
      { height, width, inChannels, channels: count, patch, grid, norm: fused.params, tile },
      { input: image.id, ...reads, ...fused.reads, ...(gather ? { table: operand(gather, 1) } : {}) },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, strip, convolve, setup);
}

export function depthwise(group: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const { kernel, dilation } = attr(anchor, "depthwise");
  const map = sites(anchor.type);
  const count = channels(anchor.type);
  const normNode = group.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: 1,
    taps: kernel * kernel,
    packed: depthwisePacked({ kernel, channels: count }),
  });
  const strip = (fused: boolean) =>
    chooseStrip(tuning, { ...map, channels: count, vec: count % 4 === 0 ? 4 : 1, norm: fused });
  const convolve = (tile: KernelParams["depthwise"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    call(
      anchor,
      "depthwise",
      { ...map, channels: count, kernel, ...(dilation ? { dilation } : {}), norm: fused.params, tile },
      { input: operand(anchor, 0), ...reads, ...fused.reads },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, strip, convolve, setup);
}

/** A convolution and its LayerNorm: one kernel where a row of channels fits in workgroup memory, else two. */
function withNorm<Tile>(
  anchor: Node,
  normNode: Node | undefined,
  tuning: TuningProfile,
  strip: (fused: boolean) => Tile | null,
  convolve: (tile: Tile, fused: ReturnType<typeof norm>, to: ValueId) => KernelCall,
  setup: readonly KernelCall[],
): Calls {
  const together = normNode ? strip(true) : null;
  if (normNode && together) return { setup, steps: [convolve(together, norm(normNode), normNode.id)] };
  const alone = strip(false);
  invariant(alone, `'${anchor.id}' has no tile`);
  const steps = [convolve(alone, norm(undefined), anchor.id)];
  return { setup, steps: normNode ? [...steps, normalizeRows(normNode, tuning)] : steps };
}

export function normalizeRows(node: Node, tuning: TuningProfile): KernelCall {
  const { params, reads } = norm(node);
  invariant(params, `'${node.id}' is no norm`);
  const count = channels(node.type);
  const rows = elements(node.type) / count;
  const pooled = node.type.shape.length === 2;
  const shape = { rows, channels: count, norm: params, pooled, tile: chooseNorm(tuning, { rows }) };
  return call(node, "rowNorm", shape, { input: operand(node, 0), ...reads }, { output: node.id });
}

export function rowNorm({ anchor }: FusionGroup, _: Graph, tuning: TuningProfile): Calls {
  return { setup: [], steps: [normalizeRows(anchor, tuning)] };
}

export function downsample(group: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const normNode = member(group, "normalize");
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
  const convolve = (from: ValueId, eps: number | null): KernelCall =>
    call(
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

export function siteDepthwise(group: FusionGroup, graph: Graph, tuning: TuningProfile): Calls {
  const { anchor } = group;
  const { kernel } = attr(anchor, "siteDepthwise");
  const patches = patchesInCompact(attr(anchor, "siteDepthwise"), anchor);
  const count = channels(anchor.type);
  const normNode = group.members.find(node => node.op === "layernorm" || node.op === "normalize");
  const { setup, reads } = packing(graph, anchor, {
    columns: count,
    channels: 1,
    taps: kernel * kernel,
    packed: depthwisePacked({ kernel, channels: count }),
  });
  const { down, across, keep, columns } = patches;
  const vec = count % 4 === 0 ? 4 : 1;
  const shape = { kernel, lines: keep * down, across, width: columns * across, channels: count, vec } as const;
  const convolve = (tile: KernelParams["siteDepthwise"]["tile"], fused: ReturnType<typeof norm>, to: ValueId) =>
    call(
      anchor,
      "siteDepthwise",
      { ...patches, channels: count, kernel, norm: fused.params, tile },
      { input: operand(anchor, 0), ...reads, ...fused.reads, table: operand(anchor, 3) },
      { output: to },
    );
  return withNorm(anchor, normNode, tuning, fused => chooseLines(tuning, { ...shape, norm: fused }), convolve, setup);
}
