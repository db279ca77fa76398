import { constants, type Graph, type Node, readers, type ValueId } from "../graph/graph.ts";
import { printType } from "../graph/print.ts";
import type { Run } from "./runs.ts";

/** A graph to be drawn: what is computed in a pass, without parameters and what is made of them alone. */
export interface Drawing {
  readonly name: string;
  readonly clusters: readonly Cluster[];
  /** Inputs and outputs, which no kernel computes. */
  readonly ports: readonly Drawn[];
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** What one kernel computes together. */
export interface Cluster {
  readonly key: string;
  readonly title: string;
  readonly nodes: readonly Drawn[];
}

export interface Drawn {
  /** A word that every language of drawings takes. */
  readonly key: string;
  readonly lines: readonly string[];
}

/** The final graph as kernels compute it. */
export function drawingOf(graph: Graph, runs: readonly Run[]): Drawing {
  const constant = constants(graph);
  const shown = [...graph.nodes.values()].filter(node => !constant.has(node.id));
  const keys = new Map(shown.map(({ id }, i) => [id, `n${i}`]));
  const key = (id: ValueId): string => keys.get(id) ?? "";
  const kinds = new Map([...runs].reverse().map(({ name, kind }) => [name, kind]));
  const drawn = (node: Node): Drawn => ({ key: key(node.id), lines: [node.id, node.op, printType(node.type)] });

  const read = readers(graph);
  const writers = new Map(
    runs.flatMap(({ name, operands }) =>
      operands.flatMap(({ value, access }) => (access === "write" ? [[value, name] as const] : [])),
    ),
  );
  /** GRN's factors stand alone in the graph, but mostly a product makes them: the one before or the one after. */
  const kernelOf = (anchor: ValueId): ValueId => {
    if (kinds.has(anchor)) return anchor;
    const reader = read.get(anchor)?.[0]?.id ?? anchor;
    return writers.get(anchor) ?? graph.groups.get(reader) ?? reader;
  };
  const members = new Map<ValueId, Node[]>();
  for (const node of shown) {
    if (node.op === "input") continue;
    const anchor = kernelOf(graph.groups.get(node.id) ?? node.id);
    members.set(anchor, [...(members.get(anchor) ?? []), node]);
  }
  const clusters = [...members].map(([anchor, nodes], i): Cluster => {
    return { key: `k${i}`, title: `${kinds.get(anchor) ?? "part of"} ${anchor}`, nodes: nodes.map(drawn) };
  });
  return {
    name: graph.name,
    clusters,
    ports: [
      ...shown.filter(({ op }) => op === "input").map(drawn),
      ...graph.outputs.map(({ name }, i) => ({ key: `o${i}`, lines: [name, "output"] })),
    ],
    edges: [
      ...shown.flatMap(node =>
        [...new Set(node.inputs)].flatMap((id): readonly (readonly [string, string])[] =>
          constant.has(id) ? [] : [[key(id), key(node.id)]],
        ),
      ),
      ...graph.outputs.map(({ value }, i) => [key(value), `o${i}`] as const),
    ],
  };
}
