import { invariant } from "../../diagnostics/invariant.ts";
import { constants, dispatch, type Graph, isNetwork, type Node, type ValueId } from "../../graph/graph.ts";
import type { OnnxGraph, OnnxNode, OnnxValueInfo } from "../onnx-proto.ts";
import type { OperatorName } from "./operators.ts";
import { emission } from "./ops.ts";
import { sideNames } from "./sides.ts";
import { type Initializer, type Style, writerFor } from "./writer.ts";

/** An ONNX graph whose initializers are still to be worked out. */
export interface Lowered extends Omit<OnnxGraph, "initializers" | "doc" | "values"> {
  readonly initializers: readonly Initializer[];
}

/** Every value that is no constant, through the table of ops, in graph order. */
export function lowerToOnnx(graph: Graph, style: Style): Lowered {
  const named = new Map<ValueId, string>();
  for (const { name, value } of graph.outputs) if (!named.has(value)) named.set(value, name);
  const names = new Set(graph.outputs.map(output => output.name));
  const tensorOf = (id: ValueId): string => named.get(id) ?? (names.has(id) ? `${id}/value` : id);

  const writer = writerFor(graph, style, tensorOf);
  const constant = constants(graph);
  for (const node of graph.nodes.values()) {
    if (constant.has(node.id)) continue;
    invariant(isNetwork(node), `'${node.id}' is a gradient, which no ONNX graph has`);
    dispatch(emission, node, writer);
  }

  const copies = graph.outputs.flatMap(({ name, value }) => copy(writer.value(value), name));
  const { nodes, initializers } = writer.finish(graph.outputs.map(({ value }) => writer.value(value)));
  return {
    name: graph.name,
    nodes: [...nodes, ...copies],
    initializers,
    inputs: [...graph.nodes.values()]
      .filter(node => node.op === "input")
      .map(node => valueInfo(node.id, node, style.anySize)),
    outputs: graph.outputs.map(({ name, value }) => valueInfo(name, writer.node(value), style.anySize)),
  };
}

/** A value that is an output under two names, or an input and an output, needs a node for the second. */
const copy = (from: string, to: string): readonly OnnxNode[] =>
  from === to
    ? []
    : [{ name: `${to}/copy`, op: "Identity" satisfies OperatorName, inputs: [from], outputs: [to], attributes: [] }];

function valueInfo(name: string, { op, type }: Node, anySize: Style["anySize"]): OnnxValueInfo {
  const shape = type.shape.map((d): number | string => (d === "N" ? "batch" : d));
  if (anySize === null || shape.length !== 4) return { name, dtype: "f32", shape };
  const first = op === "input" || op === "toChannelsFirst" ? 2 : 1;
  const [height, width] = shape.slice(first) as readonly number[] as readonly [number, number];
  const named = sideNames(anySize, { height, width });
  return { name, dtype: "f32", shape: shape.with(first, named.height).with(first + 1, named.width) };
}
