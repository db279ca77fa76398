import type { Graph } from "../../graph/graph.ts";
import type { OpName } from "../../graph/ops.ts";
import type { OnnxNode } from "../onnx-proto.ts";
import { castTo } from "./cast.ts";
import type { Lowered } from "./lower.ts";
import type { OperatorName } from "./operators.ts";
import { dtypeOf, type Initializer } from "./writer.ts";

/** What the floats that a node reads and makes are: f16, or f32. */
export type Width = "half" | "wide";
export type Widths = Readonly<Record<OpName, Width>>;

/**
 * Layers, and what moves their maps, are half. Wide is what sums squares or a whole map, where f16 overflows, underflows
 * or stops growing; what divides by such a sum; and what counts patches. Patch convolutions are wide for another reason:
 * what they lose stays in the map that all later blocks add to, and they are a twentieth of the work.
 */
export const widths: Widths = {
  input: "wide",
  param: "wide",
  toChannelsLast: "half",
  toChannelsFirst: "half",
  patchConv: "wide",
  depthwise: "half",
  linear: "half",
  layernorm: "wide",
  normalize: "wide",
  gelu: "half",
  grn: "wide",
  sumSquares: "wide",
  grnScale: "wide",
  scaleChannels: "half",
  shiftChannels: "half",
  add: "half",
  meanSites: "wide",
  maskSites: "half",
  fillSites: "half",
  patchTable: "wide",
  gatherSites: "half",
  scatterSites: "half",
  siteDepthwise: "half",
  averagePool: "wide",
  patchify: "wide",
  standardize: "wide",
  siteError: "wide",
  maskedMean: "wide",
  scaleInputs: "wide",
  scaleOutputs: "wide",
  biasThrough: "wide",
};

/**
 * The graph with every node in its width, a Cast where a tensor passes between the two, one for all readers, and the
 * constants of half nodes in f16. Inputs and outputs stay f32.
 */
export function inHalf(lowered: Lowered, graph: Graph, table: Widths): Lowered {
  const floats = floatTensors(lowered);
  const width = (node: OnnxNode): Width => table[graph.nodes.get(valueIdOf(node))?.op ?? "input"];

  const made = new Map<string, Width>(lowered.inputs.map(({ name }) => [name, "wide"]));
  for (const node of lowered.nodes) for (const tensor of node.outputs) made.set(tensor, width(node));
  const read = new Set(lowered.nodes.flatMap(node => node.inputs.map(tensor => version(tensor, width(node)))));
  const outputs = new Set(lowered.outputs.map(({ name }) => name));
  for (const name of outputs) read.add(version(name, "wide"));

  /** Which of its two versions bears the tensor's own name. */
  const named = (tensor: string): Width => {
    if (outputs.has(tensor)) return "wide";
    return made.get(tensor) ?? (read.has(version(tensor, "wide")) ? "wide" : "half");
  };
  const nameOf = (tensor: string, width: Width): string =>
    !floats.has(tensor) || named(tensor) === width ? tensor : `${tensor}/${dtypes[width]}`;

  const casts = (tensor: string, maker: string): readonly OnnxNode[] => {
    const from = made.get(tensor) ?? "wide";
    const to = others[from];
    if (!floats.has(tensor) || !read.has(version(tensor, to))) return [];
    const attributes = [{ name: "to", kind: "int", value: castTo[dtypes[to]] } as const];
    const [inputs, outputs] = [[nameOf(tensor, from)], [nameOf(tensor, to)]];
    return [{ name: `${maker}/${dtypes[to]}`, op: "Cast" satisfies OperatorName, inputs, outputs, attributes }];
  };
  const rewritten = (node: OnnxNode): OnnxNode => {
    const rename = (tensors: readonly string[]) => tensors.map(tensor => nameOf(tensor, width(node)));
    const attributes = width(node) === "half" ? node.attributes.map(toHalf) : node.attributes;
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
        ? versions
            .filter(width => read.has(version(tensor.name, width)))
            .map(width => ({ ...tensor, name: nameOf(tensor.name, width), half: width === "half" }))
        : [tensor],
    ),
  };
}

const versions: readonly Width[] = ["wide", "half"];
const others = { wide: "half", half: "wide" } as const;
const dtypes = { wide: "f32", half: "f16" } as const;
const version = (tensor: string, width: Width): string => `${width} ${tensor}`;

/** A node bears the name of the value that it is a step to, up to the first slash. */
const valueIdOf = ({ name }: OnnxNode): string => name.split("/", 1)[0] ?? name;

const toHalf = (attribute: OnnxNode["attributes"][number]): OnnxNode["attributes"][number] =>
  attribute.kind === "int" && attribute.name === "to" && attribute.value === castTo.f32
    ? { ...attribute, value: castTo.f16 }
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
  Where: likeOperand(1),
};
