import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { channels, type Graph, type Node, nodeOf, operand, sites, type ValueId } from "../../graph/graph.ts";
import type { PatchGrid } from "../../graph/ops.ts";
import { castTo } from "./cast.ts";
import { floats, index, integers, scalar, vector } from "./initializers.ts";
import { sumOver } from "./reduce.ts";
import { int, ints, type Writer } from "./writer.ts";

/*
 * Patches move as blocks: the part of a map's row that lies within a patch, q sites of C channels, which is one run of
 * bytes both on a whole map, [N,rows,p,columns,q·C], and on a compact one, [N,keep,p,q·C].
 */

/** Rows of a block of patches and the sites of a row of one, on a whole map. */
function patchOf({ rows, columns }: PatchGrid, whole: { readonly height: number; readonly width: number }) {
  return { down: whole.height / rows, across: whole.width / columns };
}

/** 1 where the mask keeps a patch, else 0: [N,L]. */
const kept = (w: Writer, mask: ValueId): string => w.step(mask, "kept", "Sub", [scalar(w, 1), w.value(mask)]);

/** x·0 or x·1, block by block. */
export function maskSites(node: Node<"maskSites">, w: Writer): void {
  const [x, mask] = [operand(node, 0), operand(node, 1)];
  const { rows, columns } = node.attrs;
  const { height, width } = sites(node.type);
  const { down, across } = patchOf(node.attrs, { height, width });
  const c = channels(node.type);
  const layout = w.layoutOf(x);
  const cut = integers(w, 0, rows, down, columns, across * c);
  const blocks = w.step(node.id, "blocks", "Reshape", [w.value(x, layout), cut]);
  const shown = w.step(mask, "kept.grid", "Reshape", [kept(w, mask), integers(w, 0, rows, 1, columns, 1)]);
  const product = w.step(node.id, "shown", "Mul", [blocks, shown]);
  const shape = layout === "map" ? [height, width, c] : [height * width, c];
  w.result(node, "Reshape", [product, integers(w, 0, ...shape)], {}, layout);
}

export const fillSites = (node: Node<"fillSites">, w: Writer): void =>
  fill(node, w, w.value(operand(node, 0)), operand(node, 1), operand(node, 2));

/** The token where the mask removes a patch, else x, a map. */
function fill(node: Node<"fillSites"> | Node<"scatterSites">, w: Writer, x: string, mask: ValueId, token: ValueId) {
  const { rows, columns } = node.attrs;
  const { height, width } = sites(node.type);
  const { down, across } = patchOf(node.attrs, { height, width });
  const c = channels(node.type);
  const cut = w.step(node.id, "cut", "Reshape", [x, integers(w, 0, rows, down, columns, across, c)]);
  const removed = w.step(mask, "removed", "Cast", [w.value(mask)], { to: int(castTo.bool) });
  const grid = w.step(mask, "removed.grid", "Reshape", [removed, integers(w, 0, rows, 1, columns, 1, 1)]);
  const filled = w.step(node.id, "filled", "Where", [grid, vector(w, token), cut]);
  w.result(node, "Reshape", [filled, integers(w, 0, height, width, c)]);
}

/**
 * Slots count from 1 here, and 0 says removed: [N,L]. Beside them, the patches of the slots, which are counts as well: as
 * many patches lie before the one in slot s as have at most s kept ones up to them, [N,keep]. All of it is exact in
 * float32, in which runtimes have every op.
 */
export function patchTable(node: Node<"patchTable">, w: Writer): void {
  const mask = operand(node, 0);
  const { rows, columns, keep } = node.attrs;
  const count = w.step(node.id, "count", "CumSum", [kept(w, mask), index(w, 1)]);
  w.result(node, "Mul", [count, kept(w, mask)]);

  const row = w.step(node.id, "count.row", "Reshape", [count, integers(w, 0, 1, rows * columns)]);
  const slots = floats(
    w,
    `slots.${keep}`,
    [keep, 1],
    Float32Array.from({ length: keep }, (_, slot) => slot),
  );
  const before = w.step(node.id, "before", "LessOrEqual", [row, slots]);
  const ones = w.step(node.id, "before.counted", "Cast", [before], { to: int(castTo.f32) });
  const patches = w.step(node.id, "patches", "ReduceSum", ...sumOver(w, ones, [-1], 0));
  w.step(node.id, "patches.index", "Cast", [patches], { to: int(castTo.i64) });
}

/** The patch of every slot as an index: [N,keep]. */
const patchesOf = (table: ValueId): string => `${table}/patches.index`;

/** Blocks and patches are counted in float32, which is exact up to here. */
const mostBlocks = 2 ** 24;

/** A mask of more patches than can be counted, in the first op that would have to. */
export function sitesProblems(graph: Graph): readonly Diagnostic[] {
  for (const node of graph.nodes.values()) {
    if (node.op !== "gatherSites" && node.op !== "scatterSites" && node.op !== "siteDepthwise") continue;
    const { rows, columns, keep } = node.attrs;
    const compact = node.op === "scatterSites" ? nodeOf(graph, operand(node, 0)) : node;
    const blocks = rows * columns * (sites(compact.type).height / keep);
    if (blocks > mostBlocks) return [error("patches-too-many", node.span, rows * columns, blocks, mostBlocks)];
  }
  return [];
}

/** Which block of a whole map, whose patches have `down` rows, every block of a compact one is: [N,keep·down,1]. */
function keptBlocks(w: Writer, table: ValueId, { rows, columns, keep }: PatchGrid, down: number): string {
  const part = `blocks.${down}`;
  const places = Float32Array.from({ length: rows * columns * down }, (_, i) => {
    const [patch, y] = [Math.floor(i / down), i % down];
    return (Math.floor(patch / columns) * down + y) * columns + (patch % columns);
  });
  const all = floats(w, `blocks.${rows}x${columns}x${down}`, [rows * columns, down], places);
  const found = w.step(table, part, "Gather", [all, patchesOf(table)], { axis: int(0) });
  const cast = w.step(table, `${part}.index`, "Cast", [found], { to: int(castTo.i64) });
  return w.step(table, `${part}.list`, "Reshape", [cast, integers(w, 0, keep * down, 1)]);
}

/** Which block of a compact map, which has an empty patch in front, every block of a whole one is: [N,rows·down·columns,1]. */
function placedBlocks(w: Writer, table: ValueId, { rows, columns }: PatchGrid, down: number): string {
  const part = `places.${down}`;
  const grid = w.step(table, "grid", "Reshape", [w.value(table), integers(w, 0, rows, 1, columns)]);
  const first = w.step(table, `${part}.first`, "Mul", [grid, scalar(w, down)]);
  const line = floats(
    w,
    `lines.${down}`,
    [down, 1],
    Float32Array.from({ length: down }, (_, y) => y),
  );
  const each = w.step(table, part, "Add", [first, line]);
  const cast = w.step(table, `${part}.index`, "Cast", [each], { to: int(castTo.i64) });
  return w.step(table, `${part}.list`, "Reshape", [cast, integers(w, 0, rows * down * columns, 1)]);
}

/** Blocks picked for each sample by an index [N,K,1]. */
const pick = (w: Writer, id: ValueId, blocks: string, list: string): string =>
  w.step(id, "picked", "GatherND", [blocks, list], { batch_dims: int(1) });

/** A compact map back in place, the rest 0: the tensor of a whole map. */
export function toBlocks(
  node: Node<"scatterSites"> | Node<"siteDepthwise">,
  w: Writer,
  x: ValueId,
  table: ValueId,
): string {
  const { rows, columns, keep } = node.attrs;
  const { height, width } = sites(w.node(x).type);
  const [down, c] = [height / keep, channels(w.node(x).type)];
  const blocks = w.step(node.id, "blocks", "Reshape", [w.value(x, w.layoutOf(x)), integers(w, 0, height, width * c)]);
  const led = w.step(node.id, "led", "Pad", [blocks, integers(w, 0, down, 0, 0, 0, 0)]);
  const placed = w.step(node.id, "placed", "GatherND", [led, placedBlocks(w, table, node.attrs, down)], {
    batch_dims: int(1),
  });
  return w.step(node.id, "map", "Reshape", [placed, integers(w, 0, rows * down, columns * width, c)]);
}

/** The kept patches of a whole map, as the value of the node. */
export function fromBlocks(
  node: Node<"gatherSites"> | Node<"siteDepthwise">,
  w: Writer,
  whole: string,
  table: ValueId,
) {
  const { rows, columns, keep } = node.attrs;
  const { height, width } = sites(node.type);
  const [down, c] = [height / keep, channels(node.type)];
  const cut = w.step(node.id, "cut", "Reshape", [whole, integers(w, 0, rows * down * columns, width * c)]);
  const picked = pick(w, node.id, cut, keptBlocks(w, table, node.attrs, down));
  w.result(node, "Reshape", [picked, integers(w, 0, height, width, c)]);
}

export const gatherSites = (node: Node<"gatherSites">, w: Writer): void =>
  fromBlocks(node, w, w.value(operand(node, 0), w.layoutOf(operand(node, 0))), operand(node, 1));

export function scatterSites(node: Node<"scatterSites">, w: Writer): void {
  const [x, table, token] = node.inputs as readonly [ValueId, ValueId, ValueId?];
  const whole = toBlocks(node, w, x, table);
  const { height, width } = sites(node.type);
  if (token === undefined) w.result(node, "Reshape", [whole, integers(w, 0, height, width, channels(node.type))]);
  else fill(node, w, whole, operand(w.node(table), 0), token);
}

/**
 * The kept patches of an image as a batch of small images, [N·keep,C,p,q], where `x` are the patches gathered from one:
 * a convolution reads them like that. Null for any other value.
 */
export function imagePatches(x: ValueId, w: Writer): string | null {
  const gathered = w.node(x);
  const from = gathered.op === "gatherSites" ? w.node(operand(gathered, 0)) : null;
  if (gathered.op !== "gatherSites" || from?.op !== "toChannelsLast") return null;
  const { rows, columns } = gathered.attrs;
  const { height, width } = sites(from.type);
  const { down, across } = patchOf(gathered.attrs, { height, width });
  const c = channels(from.type);
  const table = operand(gathered, 1);
  const cut = w.step(x, "image", "Reshape", [
    w.value(operand(from, 0)),
    integers(w, 0, c, rows, down, columns, across),
  ]);
  const sorted = w.step(x, "image.sorted", "Transpose", [cut], { perm: ints(0, 2, 4, 1, 3, 5) });
  const listed = w.step(x, "image.patches", "Reshape", [sorted, integers(w, 0, rows * columns, c * down * across)]);
  const list = w.step(table, "patches.list", "Reshape", [patchesOf(table), integers(w, 0, gathered.attrs.keep, 1)]);
  const picked = w.step(x, "image.kept", "GatherND", [listed, list], { batch_dims: int(1) });
  return w.step(x, "image.batch", "Reshape", [picked, integers(w, -1, c, down, across)]);
}
