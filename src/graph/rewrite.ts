import { type Graph, type Node, placed, type Rewritten, readers, type ValueId } from "./graph.ts";
import { typed } from "./infer.ts";
import type { OpName } from "./ops.ts";

/** What a rule may look at besides its own node. */
export interface View {
  /** The graph before the pass, for looking up operands. */
  readonly node: (id: ValueId) => Node | undefined;
  /** True if `by` alone reads the value and it is not an output, so that it may be rewritten away. */
  readonly onlyReadBy: (id: ValueId, by: Node) => boolean;
}

export type Rule<K extends OpName = OpName> = (node: Node<K>, view: View) => readonly Rewritten[] | null;
export type Rules = { readonly [K in OpName]?: Rule<K> };

/** Replaces nodes by lists of nodes in their place, infers their types, and drops what no output needs. A rule that returns null keeps its node. */
export function rewrite(graph: Graph, rules: Rules): Graph {
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(output => output.value));
  const view: View = {
    node: id => graph.nodes.get(id),
    onlyReadBy: (id, by) => !outputs.has(id) && read.get(id)?.length === 1 && read.get(id)?.[0]?.id === by.id,
  };
  const nodes = new Map<ValueId, Node>();
  for (const node of graph.nodes.values()) {
    const rule = rules[node.op] as Rule | undefined;
    for (const draft of rule?.(node, view) ?? [node]) nodes.set(draft.id, typed(placed(draft, node), nodes));
  }
  return dropDead({ ...graph, nodes });
}

/** Without what no output needs; inputs stay. */
export function dropDead(graph: Graph): Graph {
  const live = new Set<ValueId>(graph.outputs.map(output => output.value));
  for (const node of [...graph.nodes.values()].reverse()) {
    if (live.has(node.id)) for (const id of node.inputs) live.add(id);
  }
  const nodes = new Map([...graph.nodes].filter(([id, node]) => live.has(id) || node.op === "input"));
  return { ...graph, nodes, groups: new Map([...graph.groups].filter(([id]) => live.has(id))) };
}
