import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { imagenet } from "../../model/imagenet.ts";
import type { Input } from "../../model/model.ts";
import { shorterSide } from "../../preprocess/geometry.ts";
import type { OnnxAttribute, OnnxNode } from "../onnx-proto.ts";
import type { EmitContext } from "../target.ts";
import type { Lowered } from "./lower.ts";
import type { OperatorName } from "./operators.ts";
import { type Attributes, float, type Initializer, int, ints, text } from "./writer.ts";

/** What a graph that preprocesses takes instead of `pixel_values`. */
export const imageInput = "image";

/**
 * A graph that takes `image`, RGB uint8 [batch, height, width, 3] of any size, and makes `pixel_values` of it: the
 * published preprocessing as `src/preprocess` has it, from standard operators. Resize is cubic with a = -1/2, grows with
 * the reduction (antialias, opset 18) and shares weights that fall outside among those inside (exclude_outside), all as
 * Pillow does.
 */
export function withPreprocessing(graph: Lowered, input: Input): Lowered {
  const { nodes, initializers } = preprocessingNodes(input);
  return {
    ...graph,
    nodes: [...nodes, ...graph.nodes],
    initializers: [...initializers, ...graph.initializers],
    inputs: graph.inputs.map(port =>
      port.name === "pixel_values"
        ? { name: imageInput, dtype: "u8", shape: ["batch", "image_height", "image_width", 3] }
        : port,
    ),
  };
}

/** Why a graph cannot fit images under the options given. */
export const preprocessProblems = ({ onnx }: Pick<EmitContext, "onnx">): readonly Diagnostic[] => [
  ...(onnx.opset < 18 ? [error("preprocess-misplaced", null, `opset ${onnx.opset}`, "--opset 20")] : []),
  ...(onnx.layout === "huggingface"
    ? [error("preprocess-misplaced", null, "--layout huggingface, whose readers preprocess", "--layout plain")]
    : []),
];

/** From `image` to `pixel_values`. */
function preprocessingNodes({ height, width }: Input): {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
} {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, Initializer>();
  const add = (name: string, op: OperatorName, inputs: readonly string[], attributes: Attributes = {}): string => {
    const listed = Object.entries(attributes).map(([key, value]) => ({ name: key, ...value }) as OnnxAttribute);
    nodes.push({ name, op, inputs, outputs: [name], attributes: listed });
    return name;
  };
  const step = (part: string, op: OperatorName, inputs: readonly string[], attributes?: Attributes): string =>
    add(`preprocess/${part}`, op, inputs, attributes);
  const constant = (part: string, shape: readonly number[], data: Float32Array | BigInt64Array): string => {
    const name = `const/preprocess/${part}`;
    initializers.set(name, { kind: "literal", name, shape, data });
    return name;
  };
  const integers = (...values: readonly number[]): string =>
    constant(values.join(","), [values.length], BigInt64Array.from(values, BigInt));
  const perChannel = (part: string, values: readonly number[]): string =>
    constant(part, [3, 1, 1], Float32Array.from(values));

  const size = integers(height, width);
  const planes = step("planes", "Transpose", [imageInput], { perm: ints(0, 3, 1, 2) });
  const resize = (to: string): string =>
    step("resized", "Resize", [planes, "", "", to], {
      axes: ints(2, 3),
      mode: text("cubic"),
      cubic_coeff_a: float(-0.5),
      antialias: int(1),
      exclude_outside: int(1),
      coordinate_transformation_mode: text("half_pixel"),
    });

  const side = shorterSide({ height, width });
  let fitted: string;
  if (side === null) fitted = resize(size);
  else {
    const shape = step("shape", "Shape", [imageInput], { start: int(1), end: int(3) });
    const shorter = step("shorter", "ReduceMin", [shape], { keepdims: int(1) });
    const longer = step("times", "Mul", [shape, integers(side)]);
    const resized = step("size", "Div", [longer, shorter]);
    // Half of what is left over; of two equally near whole numbers the even one.
    const two = integers(2);
    const rest = step("rest", "Sub", [resized, size]);
    const half = step("half", "Div", [rest, two]);
    const odd = step("odd", "Mul", [step("rest-odd", "Mod", [rest, two]), step("half-odd", "Mod", [half, two])]);
    const start = step("start", "Add", [half, odd]);
    const end = step("end", "Add", [start, size]);
    fitted = step("cropped", "Slice", [resize(resized), start, end, integers(2, 3)]);
  }
  const floats = step("floats", "Cast", [fitted], { to: int(1) });
  const scaled = step("scaled", "Div", [floats, constant("255", [], Float32Array.of(255))]);
  const centred = step("centred", "Sub", [scaled, perChannel("mean", imagenet.mean)]);
  add("pixel_values", "Div", [centred, perChannel("std", imagenet.std)]);
  return { nodes, initializers: [...initializers.values()] };
}
