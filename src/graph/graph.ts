import type { Span } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { type Dim, type NetworkOp, type OpName, type Ops, type TensorType, trainingOps } from "./ops.ts";
import type { Scope } from "./scope.ts";

/** A dotted path, the one PyTorch uses for the module or tensor: `stages.0.1.grn`. */
export type ValueId = string;

/** Where a node comes from: the words of the spec that ask for it, and what of the network it is. */
export interface Place {
  readonly span: Span;
  readonly scope: Scope;
}

export type Node<K extends OpName = OpName> = {
  readonly [P in K]: {
    readonly id: ValueId;
    readonly op: P;
    readonly inputs: readonly ValueId[];
    readonly attrs: Ops[P];
    readonly type: TensorType;
  } & Place;
}[K];

/** What a builder writes: the type is always inferred, never stated twice. */
export type Draft<K extends OpName = OpName> = { readonly [P in K]: Omit<Node<P>, "type"> }[K];

/** What a rule writes for a node: where it says no place, it is in the place of that node. */
export type Rewritten<K extends OpName = OpName> = {
  readonly [P in K]: Omit<Draft<P>, keyof Place> & Partial<Place>;
}[K];

/** The draft in a place, unless it says its own. */
export const placed = (draft: Rewritten, { span, scope }: Place): Draft => ({ span, scope, ...draft });

export interface Output {
  readonly name: string;
  readonly value: ValueId;
}

export interface Graph {
  readonly name: string;
  /** SSA; the order of insertion is a topological order. */
  readonly nodes: ReadonlyMap<ValueId, Node>;
  readonly outputs: readonly Output[];
  /**
   * Which nodes one kernel computes together: member → the node the kernel is named after. A node that is not
   * listed stands alone. Grouping changes no value, so passes that only group cannot be wrong about numbers.
   */
  readonly groups: ReadonlyMap<ValueId, ValueId>;
}

/** One function an op: of all ops, or of those that are named. */
export type OpTable<T, A extends unknown[] = [], K extends OpName = OpName> = {
  readonly [P in K]: (node: Node<P>, ...args: A) => T;
};

export const dispatch = <T, A extends unknown[], K extends OpName>(
  table: OpTable<T, A, K>,
  node: Node<K>,
  ...args: A
): T => (table[node.op] as unknown as (node: Node<K>, ...args: A) => T)(node, ...args);

/** True for a node of a network itself, false for what only graphs that learn have. */
export const isNetwork = (node: Node): node is Node<NetworkOp> => !trainingOps.has(node.op);

export function nodeOf(graph: Pick<Graph, "nodes">, id: ValueId): Node {
  const node = graph.nodes.get(id);
  invariant(node, `no value '${id}'`);
  return node;
}

/** The i-th operand's id. */
export function operand(node: Node, index: number): ValueId {
  const id = node.inputs[index];
  invariant(id !== undefined, `${node.op} '${node.id}' has no operand ${index}`);
  return id;
}

/** The node itself if it is of that op, else null: for matching chains. */
export const as = <K extends OpName>(node: Node, op: K): Node<K> | null =>
  node.op === op ? (node as unknown as Node<K>) : null;

/** value → the nodes that read it, in graph order. Outputs are not readers. */
export function readers(graph: Pick<Graph, "nodes">): ReadonlyMap<ValueId, readonly Node[]> {
  const found = new Map<ValueId, Node[]>([...graph.nodes.keys()].map(id => [id, []]));
  for (const node of graph.nodes.values()) for (const id of new Set(node.inputs)) found.get(id)?.push(node);
  return found;
}

/** True for what depends on parameters alone: it is computed once, after the weights are loaded. */
export function constants(graph: Pick<Graph, "nodes">): ReadonlySet<ValueId> {
  const found = new Set<ValueId>();
  for (const node of graph.nodes.values()) {
    const constant = node.op === "param" || (node.op !== "input" && node.inputs.every(id => found.has(id)));
    if (constant) found.add(node.id);
  }
  return found;
}

export const isBatched = (type: TensorType): boolean => type.shape[0] === "N";

/** A map of channels-last sites, of each image its own. */
export const isMap = (type: TensorType): boolean => isBatched(type) && type.shape.length === 4;

/** Elements of one sample, or of the whole tensor when it has no batch. */
export const elements = (type: TensorType): number => type.shape.reduce<number>((n, d) => (d === "N" ? n : n * d), 1);

export const resolve = (shape: readonly Dim[], batch: number): readonly number[] =>
  shape.map(d => (d === "N" ? batch : d));

/** Length of the last dimension. */
export function channels(type: TensorType): number {
  const last = type.shape.at(-1);
  invariant(typeof last === "number", "the last dimension of a tensor is never the batch");
  return last;
}

/** Height and width of a channels-last map. */
export function sites(type: TensorType): { readonly height: number; readonly width: number } {
  const [, height, width] = type.shape;
  invariant(type.shape.length === 4 && typeof height === "number" && typeof width === "number", "not a map");
  return { height, width };
}
