import type { OnnxAttribute } from "../onnx-proto.ts";

interface Operator {
  /** The least and the most inputs that it is written with. */
  readonly inputs: readonly [least: number, most: number];
  readonly attributes: Readonly<Record<string, OnnxAttribute["kind"]>>;
}

/** Every ONNX operator that cnxc writes. The writers take no other, and `cnxc verify` knows no other. */
export const operators = {
  Add: { inputs: [2, 2], attributes: {} },
  Cast: { inputs: [1, 1], attributes: { to: "int" } },
  Concat: { inputs: [2, Number.POSITIVE_INFINITY], attributes: { axis: "int" } },
  Conv: {
    inputs: [2, 3],
    attributes: { kernel_shape: "ints", strides: "ints", pads: "ints", dilations: "ints", group: "int" },
  },
  CumSum: { inputs: [2, 2], attributes: {} },
  Div: { inputs: [2, 2], attributes: {} },
  Erf: { inputs: [1, 1], attributes: {} },
  Expand: { inputs: [2, 2], attributes: {} },
  Gather: { inputs: [2, 2], attributes: { axis: "int" } },
  GatherND: { inputs: [2, 2], attributes: { batch_dims: "int" } },
  Gelu: { inputs: [1, 1], attributes: { approximate: "string" } },
  Gemm: { inputs: [3, 3], attributes: { transB: "int" } },
  Identity: { inputs: [1, 1], attributes: {} },
  InstanceNormalization: { inputs: [3, 3], attributes: { epsilon: "float" } },
  LayerNormalization: { inputs: [3, 3], attributes: { axis: "int", epsilon: "float" } },
  LessOrEqual: { inputs: [2, 2], attributes: {} },
  MatMul: { inputs: [2, 2], attributes: {} },
  Mod: { inputs: [2, 2], attributes: {} },
  Mul: { inputs: [2, 2], attributes: {} },
  Pad: { inputs: [2, 2], attributes: {} },
  Pow: { inputs: [2, 2], attributes: {} },
  ReduceMean: { inputs: [1, 2], attributes: { axes: "ints", keepdims: "int" } },
  ReduceMin: { inputs: [1, 1], attributes: { keepdims: "int" } },
  ReduceSum: { inputs: [2, 2], attributes: { keepdims: "int" } },
  Relu: { inputs: [1, 1], attributes: {} },
  Reshape: { inputs: [2, 2], attributes: {} },
  Resize: {
    inputs: [4, 4],
    attributes: {
      axes: "ints",
      mode: "string",
      cubic_coeff_a: "float",
      antialias: "int",
      exclude_outside: "int",
      coordinate_transformation_mode: "string",
    },
  },
  Round: { inputs: [1, 1], attributes: {} },
  Shape: { inputs: [1, 1], attributes: { start: "int", end: "int" } },
  Sigmoid: { inputs: [1, 1], attributes: {} },
  Slice: { inputs: [4, 4], attributes: {} },
  Sqrt: { inputs: [1, 1], attributes: {} },
  Sub: { inputs: [2, 2], attributes: {} },
  Tanh: { inputs: [1, 1], attributes: {} },
  Transpose: { inputs: [1, 1], attributes: { perm: "ints" } },
  Where: { inputs: [3, 3], attributes: {} },
} as const satisfies Readonly<Record<string, Operator>>;

export type OperatorName = keyof typeof operators;
