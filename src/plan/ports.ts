import { type Graph, isBatched, nodeOf, resolve, type ValueId } from "../graph/graph.ts";
import type { Port } from "./plan.ts";

/** The inputs of a graph, each by its own name. */
export const inputPorts = (graph: Graph): readonly Port[] =>
  ports(
    graph,
    [...graph.nodes.values()].filter(node => node.op === "input").map(node => [node.id, node.id]),
  );

export const outputPorts = (graph: Graph): readonly Port[] =>
  ports(
    graph,
    graph.outputs.map(({ name, value }) => [name, value]),
  );

function ports(graph: Graph, pairs: readonly (readonly [name: string, value: ValueId])[]): readonly Port[] {
  const values = [...new Set(pairs.map(([, value]) => value))];
  return values.map(value => {
    const { type } = nodeOf(graph, value);
    const perImage = isBatched(type);
    const shape = resolve(perImage ? type.shape.slice(1) : type.shape, 1);
    const [name = value, ...also] = pairs.filter(pair => pair[1] === value).map(pair => pair[0]);
    return { name, also, buffer: value, shape, perImage, keep: keptBy(graph, value) };
  });
}

/** Kept patches of an input that masks; null for any other value. */
function keptBy(graph: Graph, id: ValueId): number | null {
  for (const { op, inputs, attrs } of graph.nodes.values())
    if ((op === "patchTable" && inputs[0] === id) || (op === "maskSites" && inputs[1] === id)) return attrs.keep;
  return null;
}
