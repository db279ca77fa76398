import { invariant } from "../../diagnostics/invariant.ts";
import { channels, type Graph, type Node, nodeOf, operand, readers, sites } from "../../graph/graph.ts";
import type { PatchGrid } from "../../graph/ops.ts";
import type { PatchGeometry } from "../kernels.ts";
import { attr, type Calls, call, type FusionGroup, member, patchesInCompact, patchesOnMap } from "./lowering.ts";

export function placeWhole({ anchor }: FusionGroup): Calls {
  const patches = patchesOnMap(anchor.attrs as PatchGrid, anchor);
  const params = {
    ...patches,
    channels: channels(anchor.type),
    from: "whole",
    token: anchor.op === "fillSites",
  } as const;
  const token = params.token ? { token: operand(anchor, 2) } : {};
  const reads = { input: operand(anchor, 0), mask: operand(anchor, 1), ...token };
  return { setup: [], steps: [call(anchor, "placeSites", params, reads, { output: anchor.id })] };
}

export function scatterSites({ anchor }: FusionGroup): Calls {
  const map = shapeOf(anchor, attr(anchor, "scatterSites"), patchesOnMap);
  const token = anchor.inputs[2];
  const params = { ...map, from: "compact", token: token !== undefined } as const;
  const reads = { input: operand(anchor, 0), table: operand(anchor, 1), ...(token === undefined ? {} : { token }) };
  return { setup: [], steps: [call(anchor, "placeSites", params, reads, { output: anchor.id })] };
}

export function gatherSites(group: FusionGroup): Calls {
  const { anchor } = group;
  const image = member(group, "toChannelsLast");
  const map = shapeOf(anchor, attr(anchor, "gatherSites"), patchesInCompact);
  const params = { ...map, ...(image ? { fromImage: true as const } : {}) };
  const reads = { input: operand(image ?? anchor, 0), table: operand(anchor, 1) };
  return { setup: [], steps: [call(anchor, "gatherSites", params, reads, { output: anchor.id })] };
}

/** The grid on a map and its channels; a value a patch is a map of one site each, and f32 as pooled vectors are. */
const shapeOf = (
  node: Node,
  grid: PatchGrid,
  patches: typeof patchesOnMap,
): PatchGeometry & { readonly channels: number; readonly pooled?: true } =>
  node.type.shape.length === 2
    ? { ...grid, down: 1, across: 1, channels: 1, pooled: true }
    : { ...patches(grid, node), channels: channels(node.type) };

export function patchTable({ anchor }: FusionGroup): Calls {
  const { rows, columns, keep } = attr(anchor, "patchTable");
  const reads = { mask: operand(anchor, 0) };
  return { setup: [], steps: [call(anchor, "patchTable", { rows, columns, keep }, reads, { table: anchor.id })] };
}

export function averagePool({ anchor }: FusionGroup, graph: Graph): Calls {
  const input = nodeOf(graph, operand(anchor, 0));
  const params = { ...sites(input.type), channels: channels(input.type), size: attr(anchor, "averagePool").size };
  return { setup: [], steps: [call(anchor, "averagePool", params, { input: input.id }, { output: anchor.id })] };
}

/** What a prediction is compared with: the patches of the image, taken out of it where they are needed. */
export function targetOf(group: FusionGroup, graph: Graph) {
  const { anchor } = group;
  const patches = member(group, "patchify");
  const gathered = member(group, "gatherSites");
  const standardize = member(group, "standardize");
  invariant(patches, `'${anchor.id}' is compared with something else than an image's patches`);
  const image = nodeOf(graph, operand(patches, 0));
  const { size } = attr(patches, "patchify");
  const { height, width } = sites(patches.type);
  return {
    params: {
      ...{ rows: height, columns: width, size, channels: image.type.shape[1] as number },
      eps: standardize ? attr(standardize, "standardize").eps : null,
      ...(gathered ? { gathered: attr(gathered, "gatherSites").keep } : {}),
    },
    reads: {
      ...{ pred: operand(anchor, 0), image: image.id },
      ...(gathered ? { table: operand(gathered, 1) } : {}),
    },
  };
}

/** Errors against what the image's own patches hold; where nobody else reads them, of removed patches alone. */
export function siteError(group: FusionGroup, graph: Graph): Calls {
  const { anchor } = group;
  const { params, reads } = targetOf(group, graph);
  const [reader] = readers(graph).get(anchor.id) ?? [];
  const alone = reader?.op === "maskedMean" && !graph.outputs.some(({ value }) => value === anchor.id);
  const masked = alone ? { mask: operand(reader, 1) } : {};
  const whole = { ...params, removedOnly: alone, invocations: 64 };
  return { setup: [], steps: [call(anchor, "siteError", whole, { ...reads, ...masked }, { errors: anchor.id })] };
}

export function maskedMean({ anchor }: FusionGroup, graph: Graph): Calls {
  const [, patches] = nodeOf(graph, operand(anchor, 0)).type.shape as [unknown, number];
  const params = { patches, invocations: 64 };
  const reads = { errors: operand(anchor, 0), mask: operand(anchor, 1) };
  return { setup: [], steps: [call(anchor, "maskedMean", params, reads, { output: anchor.id })] };
}
