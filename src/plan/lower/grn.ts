import { invariant } from "../../diagnostics/invariant.ts";
import { channels, elements, type Graph, isBatched, type Node, nodeOf, operand } from "../../graph/graph.ts";
import { squareStrips } from "../kernels.ts";
import { chooseGemm, grnInline } from "../tiles/choose-tile.ts";
import { type GemmShape, type GemmTile, squareTiles } from "../tiles/tile.ts";
import type { TuningProfile } from "../tiles/tuning-profiles.ts";
import { attr, type Calls, call, type FusionGroup, type ReadGraph } from "./lowering.ts";

// GRN: its sums of squares, the factors that are made of them, and their gradients.

export const rowsOf = (node: Node): number => elements(node.type) / channels(node.type);

export const gemmShape = (node: Node, depth: number): GemmShape => {
  return { rows: rowsOf(node), depth, columns: channels(node.type) };
};

/** GRN's factors for a linear: worked out in it from the partial sums where those are few, else read. */
export function grnInput(graph: ReadGraph, scale: Node, tile: GemmTile, tuning: TuningProfile) {
  const { inline, tiles } = grnFactors(graph, scale, tile, tuning);
  return inline
    ? { params: { kind: "partials", tiles } as const, reads: { partials: operand(scale, 0), gamma: operand(scale, 1) } }
    : { params: { kind: "vector" } as const, reads: { scale: scale.id } };
}

/**
 * Whether the linear that reads GRN's factors computes them itself, and how many partial rows there are. `tile` is that
 * of the linear, null where something else reads them.
 */
function grnFactors(graph: ReadGraph, scale: Node, tile: GemmTile | null, tuning: TuningProfile) {
  const squares = nodeOf(graph, operand(scale, 0));
  invariant(squares.op === "sumSquares", `'${scale.id}' has no squares`);
  const tiles = partialRows(graph, squares, tuning);
  const perSample = attr(squares, "sumSquares").over === "sample";
  const alone = graph.readers.get(scale.id)?.length === 1;
  return { tiles, inline: tile !== null && perSample && alone && grnInline(tuning, tile, tiles) };
}

/** Rows of partial sums of squares: as many as the linear that they are summed in has tiles, or their own kernel. */
function partialRows(graph: Graph, squares: Node, tuning: TuningProfile): number {
  const producer = nodeOf(graph, graph.groups.get(squares.id) ?? squares.id);
  if (producer.op !== "linear") return squareStrips(rowsOf(nodeOf(graph, operand(squares, 0))));
  const input = nodeOf(graph, operand(producer, 0));
  const from = gemmShape(producer, channels(input.type));
  return squareTiles(chooseGemm(tuning, from), from.rows);
}

export function sumSquares({ anchor }: FusionGroup, graph: Graph): Calls {
  const input = nodeOf(graph, operand(anchor, 0));
  const params = { rows: rowsOf(input), channels: channels(input.type) };
  return { setup: [], steps: [call(anchor, "sumSquares", params, { input: input.id }, { squares: anchor.id })] };
}

export function grnScale({ anchor }: FusionGroup, graph: ReadGraph, tuning: TuningProfile): Calls {
  const [reader] = graph.readers.get(anchor.id) ?? [];
  const linear = reader && nodeOf(graph, graph.groups.get(reader.id) ?? reader.id);
  const tile = linear?.op === "linear" ? chooseGemm(tuning, gemmShape(linear, channels(anchor.type))) : null;
  const { inline, tiles } = grnFactors(graph, anchor, tile, tuning);
  if (inline) return { setup: [], steps: [] };
  const batch = anchor.type.shape[0] !== "N";
  const params = { channels: channels(anchor.type), tiles, batch, invocations: tuning.barrierInvocations };
  const reads = { partials: operand(anchor, 0), gamma: operand(anchor, 1) };
  return { setup: [], steps: [call(anchor, "grnScale", params, reads, { scale: anchor.id })] };
}

/** GRN's gradients, from the same partial sums of squares as its factors. */
export function grnGrad({ anchor }: FusionGroup, graph: ReadGraph, tuning: TuningProfile): Calls {
  const squares = anchor.op === "grnScaleGrad";
  const { eps } = anchor.attrs as { readonly eps: number };
  const partials = operand(anchor, 0);
  const tiles = partialRows(graph, nodeOf(graph, partials), tuning);
  const batch = !isBatched(anchor.type);
  const params = { of: squares ? "squares" : "response", channels: channels(anchor.type), tiles, batch, eps } as const;
  const reads = squares
    ? { partials, gamma: operand(anchor, 1), d: operand(anchor, 2) }
    : { partials, d: operand(anchor, 1) };
  return { setup: [], steps: [call(anchor, "grnGrad", params, reads, { output: anchor.id })] };
}
