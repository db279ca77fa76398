import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Filter } from "../../model/model.ts";
import type { Receiver } from "../../preprocess/picture.ts";
import type { OnnxAttribute, OnnxNode } from "../onnx-proto.ts";
import type { EmitContext } from "../target.ts";
import type { Lowered } from "./lower.ts";
import type { OperatorName } from "./operators.ts";
import { type Attributes, float, type Initializer, int, ints, text } from "./writer.ts";

/** What a graph that preprocesses takes instead of `pixel_values`. */
export const imageInput = "image";

/**
 * A graph that takes `image`, RGB uint8 [batch, height, width, 3] of any size, and makes `pixel_values` of it: the model's
 * preprocessing as `src/preprocess` has it, from standard operators. Resize grows with the reduction (antialias, opset 18); a
 * cubic has a = -1/2 and shares weights that fall outside among those inside (exclude_outside), all as Pillow does.
 */
export function withPreprocessing(graph: Lowered, model: Receiver): Lowered {
  const { nodes, initializers } = preprocessingNodes(model);
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
export const preprocessProblems = ({ onnx, model }: Pick<EmitContext, "onnx" | "model">): readonly Diagnostic[] => [
  ...(resizing[model.preprocess.interpolation] === undefined
    ? [
        error(
          "interpolation-unsaid",
          model.span,
          model.name,
          model.preprocess.interpolation,
          "ONNX",
          Object.keys(resizing).join(", "),
        ),
      ]
    : []),
  ...(onnx.opset < 18 ? [error("preprocess-misplaced", null, `opset ${onnx.opset}`, "--opset 20")] : []),
  ...(onnx.layout === "huggingface"
    ? [error("preprocess-misplaced", null, "--layout huggingface, whose readers preprocess", "--layout plain")]
    : []),
];

/** How Resize makes what Pillow's filters make; it has no others. */
const resizing: { readonly [K in Filter]?: Attributes } = {
  bilinear: { mode: text("linear"), antialias: int(1) },
  bicubic: { mode: text("cubic"), cubic_coeff_a: float(-0.5), antialias: int(1), exclude_outside: int(1) },
};

/** From `image` to `pixel_values`. */
function preprocessingNodes({ input: { height, width }, preprocess }: Receiver): {
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
  const { mean, std, bands, resize, interpolation } = preprocess;
  const perChannel = (part: string, values: readonly number[]): string =>
    constant(part, [values.length, 1, 1], Float32Array.from(values));

  const size = integers(height, width);
  const planes = step("planes", "Transpose", [imageInput], { perm: ints(0, 3, 1, 2) });
  // ONNX Runtime has a kernel of its own for a linear Resize of eight bits, which loses sizes of some axes and is less exact.
  const source = interpolation === "bilinear" ? step("exact", "Cast", [planes], { to: int(1) }) : planes;
  const resizedTo = (to: string): string =>
    step("resized", "Resize", [source, "", "", to], {
      axes: ints(2, 3),
      ...resizing[interpolation],
      coordinate_transformation_mode: text("half_pixel"),
    });
  /** What the image becomes so that it covers a size. */
  const covering = (): string => {
    const shape = step("shape", "Shape", [imageInput], { start: int(1), end: int(3) });
    if (resize.height === resize.width) {
      const shorter = step("shorter", "ReduceMin", [shape], { keepdims: int(1) });
      return step("size", "Div", [step("times", "Mul", [shape, integers(resize.height)]), shorter]);
    }
    // In f64; of two equally near whole numbers Round takes the even one.
    const given = step("given", "Cast", [shape], { to: int(11) });
    const over = step("over", "Cast", [integers(resize.height, resize.width)], { to: int(11) });
    const ratio = step("ratio", "ReduceMin", [step("ratios", "Div", [given, over])], { keepdims: int(1) });
    const rounded = step("rounded", "Round", [step("divided", "Div", [given, ratio])]);
    return step("size", "Cast", [rounded], { to: int(7) });
  };
  /** The middle of what was resized. */
  const cropped = (resized: string): string => {
    // Half of what is left over; of two equally near whole numbers the even one.
    const two = integers(2);
    const rest = step("rest", "Sub", [resized, size]);
    const half = step("half", "Div", [rest, two]);
    const odd = step("odd", "Mul", [step("rest-odd", "Mod", [rest, two]), step("half-odd", "Mod", [half, two])]);
    const start = step("start", "Add", [half, odd]);
    const end = step("end", "Add", [start, size]);
    return step("cropped", "Slice", [resizedTo(resized), start, end, integers(2, 3)]);
  };

  const isWhole = resize.mode === "squash" && resize.height === height && resize.width === width;
  const fitted = isWhole
    ? resizedTo(size)
    : cropped(resize.mode === "squash" ? integers(resize.height, resize.width) : covering());
  const order = bands ?? [0, 1, 2];
  const chosen = isRgb(order) ? fitted : step("bands", "Gather", [fitted, integers(...order)], { axis: int(1) });
  const floats = step("floats", "Cast", [chosen], { to: int(1) });
  const scaled = step("scaled", "Div", [floats, constant("255", [], Float32Array.of(255))]);
  const centred = step("centred", "Sub", [scaled, perChannel("mean", mean)]);
  add("pixel_values", "Div", [centred, perChannel("std", std)]);
  return { nodes, initializers: [...initializers.values()] };
}

/** Whether channels are those of RGB as they come. */
const isRgb = (order: readonly number[]): boolean => order.join() === "0,1,2";
