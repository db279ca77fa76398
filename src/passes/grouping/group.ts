import { type Graph, type Node, nodeOf, readers, type ValueId } from "../../graph/graph.ts";

/** What a grouping rule may ask. */
export interface Grouping {
  readonly node: (id: ValueId) => Node;
  readonly readers: (id: ValueId) => readonly Node[];
  /** The node that alone reads a value which is no output, or null. */
  readonly soleReader: (id: ValueId) => Node | null;
  readonly isOutput: (id: ValueId) => boolean;
  /** The anchor of a node's fusion group, which names its kernel: the node itself where it stands alone. */
  readonly anchorOf: (id: ValueId) => ValueId;
}

/** Nodes to compute together, in one kernel named after `anchor`. */
export interface Group {
  readonly anchor: ValueId;
  readonly members: readonly ValueId[];
}

/**
 * Adds groups to a graph. The rule sees each node once, in graph order, and says which nodes join which kernel;
 * members bring the groups they already are in.
 */
export function group(graph: Graph, rule: (node: Node, view: Grouping) => Group | null): Graph {
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(output => output.value));
  const groups = new Map(graph.groups);
  const members = new Map<ValueId, readonly ValueId[]>();
  for (const [id, anchor] of groups) members.set(anchor, [...(members.get(anchor) ?? []), id]);
  const view: Grouping = {
    node: id => nodeOf(graph, id),
    readers: id => read.get(id) ?? [],
    soleReader: id => (outputs.has(id) || read.get(id)?.length !== 1 ? null : (read.get(id)?.[0] ?? null)),
    isOutput: id => outputs.has(id),
    anchorOf: id => groups.get(id) ?? id,
  };
  for (const node of graph.nodes.values()) {
    const found = rule(node, view);
    if (!found) continue;
    const joined = new Set([found.anchor, ...found.members].map(view.anchorOf));
    const all = [...joined].flatMap(anchor => members.get(anchor) ?? [anchor]);
    for (const anchor of joined) members.delete(anchor);
    members.set(found.anchor, all);
    for (const id of all) groups.set(id, found.anchor);
  }
  return { ...graph, groups };
}
