import type { OnnxGraph, OnnxNode } from "../../../src/emit/onnx-proto.ts";

type Type = "f32" | "f16" | "u8" | "i64" | "bool";
type Rule = (inputs: readonly Type[], node: OnnxNode) => Type | null;

const isFloat = (type: Type | undefined): boolean => type === "f32" || type === "f16";

/** Floats of one type in, the same out. */
const alike: Rule = ([first, ...rest]) =>
  first && isFloat(first) && rest.every(type => type === first) ? first : null;
/** Anything, and lists or indices. */
const placed: Rule = ([first, ...rest]) => (first && rest.every(type => type === "i64") ? first : null);
const numbers: Readonly<Record<number, Type>> = { 1: "f32", 7: "i64", 9: "bool", 10: "f16" };

/** What each operator that we write takes and gives, from its definition. */
const rules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    "Add Sub Mul Div Pow Erf Tanh Sigmoid Relu Gelu Sqrt MatMul Conv Gemm LayerNormalization InstanceNormalization"
      .split(" ")
      .map(op => [op, alike]),
  ),
  ...Object.fromEntries(
    "Reshape Transpose Identity Pad Gather GatherND ReduceSum ReduceMean CumSum".split(" ").map(op => [op, placed]),
  ),
  LessOrEqual: (inputs, node) => (alike(inputs, node) === null ? null : "bool"),
  Where: ([condition, ...rest], node) => (condition === "bool" ? alike(rest, node) : null),
  Cast: (_, { attributes }) => numbers[attributes.find(({ name }) => name === "to")?.value as number] ?? null,
};

/** The type of every tensor; what does not fit an operator is an error. */
export function typesOf(graph: OnnxGraph): ReadonlyMap<string, Type> {
  const types = new Map<string, Type>([...graph.inputs, ...graph.initializers].map(({ name, dtype }) => [name, dtype]));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(name => types.get(name) ?? fail(`${node.name} reads ${name} before it is there`));
    const rule = rules[node.op] ?? fail(`no rule for ${node.op}`);
    const type = rule(inputs, node) ?? fail(`${node.op} '${node.name}' takes no ${inputs.join(", ")}`);
    for (const name of node.outputs) types.set(name, types.has(name) ? fail(`${name} is made twice`) : type);
  }
  for (const { name, dtype } of graph.outputs)
    if (types.get(name) !== dtype) fail(`output ${name} is ${types.get(name)}, not ${dtype}`);
  return types;
}

const fail = (message: string): never => {
  throw new Error(message);
};
