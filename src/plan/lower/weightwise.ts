import { elements, type Graph, type Node, nodeOf, operand, resolve, type ValueId } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { KernelParams, WeightTerm } from "../kernels.ts";
import { type Calls, call, type FusionGroup } from "./lowering.ts";

// What is done to weights and their gradients, weight by weight.

/** What each op multiplies; the others leave their operand as it is. */
const factors: { readonly [op in OpName]?: WeightTerm } = {
  scaleInputs: { x: "whole", y: "inputs" },
  scaleOutputs: { x: "whole", y: "outputs" },
  outer: { x: "outputs", y: "inputs" },
};

/** A sum of products: all that is added in a group, or an op by itself. */
export function weightwise({ anchor, members }: FusionGroup, graph: Graph): Calls {
  const inside = new Set(members.map(({ id }) => id));
  const partsOf = (id: ValueId): readonly Part[] => {
    const node = nodeOf(graph, id);
    if (!inside.has(id)) return [{ x: id, y: null, term: { x: "whole", y: null } }];
    if (node.op === "add") return node.inputs.flatMap(partsOf);
    const term = factors[node.op] ?? { x: "whole", y: null };
    return [{ x: operand(node, 0), y: term.y === null ? null : operand(node, 1), term }];
  };
  return sum(anchor, partsOf(anchor.id));
}

/** A sum of values that are as they are. */
export const sumOf = (node: Node, values: readonly ValueId[]): Calls =>
  sum(
    node,
    values.map(x => ({ x, y: null, term: { x: "whole", y: null } })),
  );

interface Part {
  readonly term: WeightTerm;
  readonly x: ValueId;
  readonly y: ValueId | null;
}

function sum(node: Node, parts: readonly Part[]): Calls {
  const terms = parts.map(({ term }) => term);
  const flat = terms.every(({ y }) => y === null);
  const shape = flat ? { outputs: elements(node.type), inputs: 1, taps: 1 } : weightShape(node);
  const reads = parts.flatMap(({ x, y }, i) => [
    [`input${i + 1}`, x] as const,
    ...(y === null ? [] : [[`factor${i + 1}`, y] as const]),
  ]);
  return {
    setup: [],
    steps: [call(node, "weightwise", { terms, ...shape }, Object.fromEntries(reads), { output: node.id })],
  };
}

/** A weight's own shape: the taps are what follows its outputs and inputs. */
function weightShape({ type }: Node) {
  const [outputs = 1, inputs = 1, ...taps] = resolve(type.shape, 1);
  return { outputs, inputs, taps: taps.reduce((a, b) => a * b, 1) };
}

export function weightDot(node: Node, graph: Graph, { to, by }: Pick<KernelParams["weightDot"], "to" | "by">): Calls {
  const params = { to, by, ...weightShape(nodeOf(graph, operand(node, 0))) };
  const reads = { input: operand(node, 0), other: operand(node, 1) };
  return { setup: [], steps: [call(node, "weightDot", params, reads, { output: node.id })] };
}

/** b + Wv, where something else than a layer reads it. */
export function biasThrough(node: Node, graph: Graph): Calls {
  const [bias, weight, vector] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const through = `${node.id}.through`;
  const dot = { to: "outputs", by: "inputs", ...weightShape(nodeOf(graph, weight)) } as const;
  const made = call(node, "weightDot", dot, { input: weight, other: vector }, { output: through });
  return { setup: [], steps: [made, ...sumOf(node, [bias, through]).steps] };
}
