import { invariant } from "../../diagnostics/invariant.ts";
import {
  type Graph,
  isBatched,
  type Node,
  operand,
  type readers,
  resolve,
  sites,
  type ValueId,
} from "../../graph/graph.ts";
import type { OpName, PatchGrid } from "../../graph/ops.ts";
import type { KernelKind, KernelParams, PatchGeometry } from "../kernels.ts";
import type { KernelCall } from "../plan.ts";
import type { TuningProfile } from "../tiles/tuning-profiles.ts";
import { folding } from "./folding.ts";

/** Nodes that one kernel computes, in graph order; the kernel is named after the anchor, whose op decides how. */
export interface FusionGroup {
  readonly anchor: Node;
  readonly members: readonly Node[];
}

/** A graph, and the nodes that read each of its values. */
export interface ReadGraph extends Graph {
  readonly readers: ReturnType<typeof readers>;
}

/** Kernels in order. */
export interface Calls {
  /** Once, after the weights are loaded. */
  readonly setup: readonly KernelCall[];
  /** Every run. */
  readonly steps: readonly KernelCall[];
}

export type Lowering = (group: FusionGroup, graph: ReadGraph, tuning: TuningProfile) => Calls;

export const member = (group: FusionGroup, op: OpName): Node | undefined => group.members.find(node => node.op === op);
export const attr = <K extends OpName>(node: Node, op: K): Node<K>["attrs"] => {
  invariant(node.op === op, `'${node.id}' is no ${op}`);
  return node.attrs as Node<K>["attrs"];
};
/** What the group leaves behind besides statistics: its last value in graph order. */
export const result = (group: FusionGroup): ValueId => {
  const last = group.members.filter(node => node.op !== "sumSquares").at(-1);
  invariant(last, `the group of '${group.anchor.id}' is empty`);
  return last.id;
};

/** Said of what is about pooled vectors: they are f32 whatever maps are kept in. */
export const pooledAs = ({ type }: Node): { readonly pooled?: true } =>
  isBatched(type) && type.shape.length === 2 ? { pooled: true } : {};

/** A kernel that is named after a node. */
export const call = <K extends KernelKind>(
  { id: name, span, scope }: Node,
  kind: K,
  params: KernelParams[K],
  reads: Readonly<Record<string, ValueId>>,
  writes: Readonly<Record<string, ValueId>>,
): KernelCall => ({ name, kind, params, reads, writes, span, scope }) as KernelCall;

/** The LayerNorm of a group, and the parameters its kernel reads. */
export function norm(node: Node | undefined) {
  if (!node) return { params: null, reads: {} };
  if (node.op === "normalize") return { params: { eps: attr(node, "normalize").eps, affine: false }, reads: {} };
  const { eps } = attr(node, "layernorm");
  return { params: { eps, affine: true }, reads: { gain: operand(node, 1), shift: operand(node, 2) } };
}

/** The setup step that makes a layer's packed weight and bias, and what to bind them as. */
export function packing(graph: Graph, node: Node, shape: Omit<KernelParams["pack"], "fold">) {
  const { fold, reads, turned, bare, shape: whole } = folding(graph, operand(node, 1), operand(node, 2));
  const made = { packed: `${node.id}.packed`, packed_bias: `${node.id}.packed_bias` };
  const [columns = 1, channels = 1, ...taps] = resolve(whole, 1);
  const params = turned
    ? { columns, channels, taps: taps.reduce((a, b) => a * b, 1), packed: shape.packed, turned, fold }
    : { ...shape, ...(bare ? { bare } : {}), fold };
  return {
    setup: [call(node, "pack", params, reads, made)],
    reads: { weight: made.packed, bias: made.packed_bias },
  };
}

/** The grid of an op on a whole map, and how many sites each patch has there. */
export function patchesOnMap({ rows, columns, keep }: PatchGrid, node: Node): PatchGeometry {
  const { height, width } = sites(node.type);
  return { rows, columns, keep, down: height / rows, across: width / columns };
}

/** The same of an op on a compact map. */
export function patchesInCompact({ rows, columns, keep }: PatchGrid, node: Node): PatchGeometry {
  const { height, width } = sites(node.type);
  return { rows, columns, keep, down: height / keep, across: width };
}
