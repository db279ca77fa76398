import { invariant } from "../../diagnostics/invariant.ts";
import type { OnnxDType, OnnxNode, OnnxValueInfo } from "../onnx-proto.ts";
import { castTo } from "./cast.ts";
import type { Lowered } from "./lower.ts";
import type { OperatorName } from "./operators.ts";
import { type Attributes, resultOf, type Tensor } from "./shapes.ts";
import { dtypeOf, type Initializer } from "./writer.ts";

interface Typed extends Tensor {
  readonly dtype: OnnxDType;
}

/** An input that a node leaves out. */
const nothing: Typed = { shape: [], values: null, dtype: "f32" };

/** Type and shape of every value between the inputs and the outputs, so that no reader has to work them out. */
export function valuesOf({ inputs, initializers, nodes, outputs }: Lowered): readonly OnnxValueInfo[] {
  const found = new Map<string, Typed>();
  for (const { name, shape, dtype } of inputs) found.set(name, { shape, values: null, dtype });
  for (const tensor of initializers)
    found.set(tensor.name, { shape: tensor.shape, values: integersOf(tensor), dtype: dtypeOf(tensor) });
  const declared = new Set(outputs.map(({ name }) => name));
  return nodes.flatMap(node => {
    const operands = node.inputs.map(name => {
      const tensor = name === "" ? nothing : found.get(name);
      invariant(tensor !== undefined, `'${node.name}' reads '${name}', which is not there yet`);
      return tensor;
    });
    const op = node.op as OperatorName;
    const made = { ...resultOf(op, operands, attributesOf(node)), dtype: dtypeMadeBy(node, operands) };
    for (const name of node.outputs) found.set(name, made);
    return node.outputs
      .filter(name => !declared.has(name))
      .map(name => ({ name, dtype: made.dtype, shape: made.shape }));
  });
}

const integersOf = (tensor: Initializer): readonly number[] | null =>
  tensor.kind === "literal" && tensor.data instanceof BigInt64Array ? [...tensor.data].map(Number) : null;

function attributesOf({ attributes }: OnnxNode): Attributes {
  const given = (wanted: string) => attributes.find(({ name }) => name === wanted);
  return {
    int: (name, otherwise) => {
      const found = given(name);
      return found?.kind === "int" ? found.value : otherwise;
    },
    ints: name => {
      const found = given(name);
      return found?.kind === "ints" ? found.value : null;
    },
  };
}

/** The types of a Cast, by their numbers. */
const byNumber = new Map(Object.entries(castTo).map(([dtype, number]) => [number, dtype as OnnxDType]));

/** Operators that make another type than that of their first operand. */
const dtypes: Partial<Record<OperatorName, (node: OnnxNode, operands: readonly Typed[]) => OnnxDType | undefined>> = {
  Cast: node => byNumber.get(attributesOf(node).int("to", 0) as never),
  LessOrEqual: () => "bool",
  Shape: () => "i64",
  Where: (_, operands) => operands[1]?.dtype,
};

function dtypeMadeBy(node: OnnxNode, operands: readonly Typed[]): OnnxDType {
  const special = dtypes[node.op as OperatorName];
  const dtype = special === undefined ? operands[0]?.dtype : special(node, operands);
  invariant(dtype !== undefined, `'${node.name}' makes a type that is not known`);
  return dtype;
}
