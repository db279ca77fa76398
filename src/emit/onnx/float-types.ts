import type { Graph } from "../../graph/graph.ts";
import { type OpName, opTraits } from "../../graph/ops.ts";
import type { OnnxAttribute, OnnxNode } from "../onnx-proto.ts";
import { castTo, type FloatType, floatDTypes } from "./cast.ts";
import type { Lowered } from "./lower.ts";
import type { OperatorName } from "./operators.ts";
import { dtypeOf, type Initializer } from "./writer.ts";

/** Type of the floats that each op reads and makes. */
export type FloatTypes = Readonly<Record<OpName, FloatType>>;

export const floatTypes: FloatTypes = Object.fromEntries(
  Object.entries(opTraits).map(([op, { half }]) => [op, half ? "f16" : "f32"]),
) as FloatTypes;

/**
 * The graph with every node in its type, a Cast where a tensor passes between the two, one for all readers, and the
 * constants of f16 nodes in f16. Inputs and outputs stay f32.
 */
export function inF16(lowered: Lowered, graph: Graph, table: FloatTypes): Lowered {
  const floats = floatTensors(lowered);
  const type = (node: OnnxNode): FloatType => table[graph.nodes.get(valueIdOf(node))?.op ?? "input"];

  const made = new Map<string, FloatType>(lowered.inputs.map(({ name }) => [name, "f32"]));
  for (const node of lowered.nodes) for (const tensor of node.outputs) made.set(tensor, type(node));
  const read = new Set(lowered.nodes.flatMap(node => node.inputs.map(tensor => version(tensor, type(node)))));
  const outputs = new Set(lowered.outputs.map(({ name }) => name));
  for (const name of outputs) read.add(version(name, "f32"));

  /** Which of its two versions bears the tensor's own name. */
  const named = (tensor: string): FloatType => {
    if (outputs.has(tensor)) return "f32";
    return made.get(tensor) ?? (read.has(version(tensor, "f32")) ? "f32" : "f16");
  };
  const nameOf = (tensor: string, type: FloatType): string =>
    !floats.has(tensor) || named(tensor) === type ? tensor : `${tensor}/${type}`;

  const casts = (tensor: string, maker: string): readonly OnnxNode[] => {
    const from = made.get(tensor) ?? "f32";
    const to = others[from];
    if (!floats.has(tensor) || !read.has(version(tensor, to))) return [];
    const attributes = [{ name: "to", kind: "int", value: castTo[to] } as const];
    const [inputs, outputs] = [[nameOf(tensor, from)], [nameOf(tensor, to)]];
    return [{ name: `${maker}/${to}`, op: "Cast" satisfies OperatorName, inputs, outputs, attributes }];
  };
  const rewritten = (node: OnnxNode): OnnxNode => {
    const rename = (tensors: readonly string[]) => tensors.map(tensor => nameOf(tensor, type(node)));
    const attributes = node.attributes.map(attribute => castFloats(attribute, type(node)));
    return { ...node, inputs: rename(node.inputs), outputs: rename(node.outputs), attributes };
  };
  return {
    ...lowered,
    nodes: [
      ...lowered.inputs.flatMap(({ name }) => casts(name, name)),
      ...lowered.nodes.flatMap(node => [rewritten(node), ...node.outputs.flatMap(tensor => casts(tensor, node.name))]),
    ],
    initializers: lowered.initializers.flatMap(tensor =>
      floats.has(tensor.name)
        ? floatDTypes
            .filter(type => read.has(version(tensor.name, type)))
            .map(type => ({ ...tensor, name: nameOf(tensor.name, type), float: type }))
        : [tensor],
    ),
  };
}

const others = { f32: "f16", f16: "f32" } as const satisfies Readonly<Record<FloatType, FloatType>>;
const version = (tensor: string, type: FloatType): string => `${type} ${tensor}`;

/** A node bears the name of the value that it is a step to, up to the first slash. */
const valueIdOf = ({ name }: OnnxNode): string => name.split("/", 1)[0] ?? name;

/** A cast to floats is one to the node's own. */
const castFloats = (attribute: OnnxAttribute, type: FloatType): OnnxAttribute =>
  attribute.kind === "int" && attribute.name === "to" && attribute.value === castTo.f32
    ? { ...attribute, value: castTo[type] }
    : attribute;

/** Tensors that hold floats: neither indices nor truths. */
function floatTensors({ inputs, initializers, nodes }: Lowered): ReadonlySet<string> {
  const isFloat = (tensor: Initializer): boolean => dtypeOf(tensor) !== "i64";
  const found = new Set([...inputs, ...initializers.filter(isFloat)].map(({ name }) => name));
  for (const node of nodes) {
    const makes = makesFloats[node.op] ?? likeOperand(0);
    if (makes(node, found)) for (const tensor of node.outputs) found.add(tensor);
  }
  return found;
}

type MakesFloats = (node: OnnxNode, floats: ReadonlySet<string>) => boolean;

const likeOperand =
  (index: number): MakesFloats =>
  ({ inputs }, floats) =>
    floats.has(inputs[index] ?? "");

/** All other operators make what their first operand is. */
const makesFloats: Readonly<Record<string, MakesFloats>> = {
  Cast: ({ attributes }) => attributes.some(({ value }) => value === castTo.f32),
  LessOrEqual: () => false,
  Shape: () => false,
  Where: likeOperand(1),
};
