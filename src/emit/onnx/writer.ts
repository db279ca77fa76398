import { invariant } from "../../diagnostics/invariant.ts";
import { channels, type Graph, type Node, nodeOf, readers, type ValueId } from "../../graph/graph.ts";
import type { TensorType } from "../../graph/ops.ts";
import type { OnnxAttribute, OnnxDType, OnnxNode } from "../onnx-proto.ts";
import type { FloatType } from "./cast.ts";
import type { ReadConstant } from "./constants.ts";
import type { OperatorName } from "./operators.ts";
import { type Image, lengths, sidesOf, times } from "./sides.ts";

/** A constant tensor of the ONNX graph. */
export type Initializer = Literal | Computed;

/** One that the emitter knows: a shape, an epsilon. */
export interface Literal {
  readonly kind: "literal";
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
  /** What its floats are stored as; f32 where it is left out. */
  readonly float?: FloatType;
}

/** One that comes from the weights, worked out when it is written. */
export interface Computed {
  readonly kind: "computed";
  readonly name: string;
  readonly shape: readonly number[];
  /** The parameter that it is made of. */
  readonly param: ValueId;
  readonly compute: (read: ReadConstant) => Promise<Float32Array>;
  readonly float?: FloatType;
}

export const dtypeOf = (initializer: Initializer): OnnxDType => {
  if (initializer.kind === "literal" && initializer.data instanceof BigInt64Array) return "i64";
  return initializer.float ?? "f32";
};

/** In which of its forms a graph is written. */
export interface Style {
  readonly opset: number;
  /** The bias of a layer that reads a bare LayerNorm goes into its weight: see `carryingBias`. */
  readonly carryBias: boolean;
  /** The model's own sides of an image, where the caller chooses others; null where there are no others. */
  readonly anySize: Image | null;
}

export type Attributes = Readonly<Record<string, Attribute>>;
type Attribute = OnnxAttribute extends infer A ? (A extends unknown ? Omit<A, "name"> : never) : never;
export const int = (value: number): Attribute => ({ kind: "int", value });
export const ints = (...value: readonly number[]): Attribute => ({ kind: "ints", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const text = (value: string): Attribute => ({ kind: "string", value });

/**
 * How a map [N,H,W,C] lies in a tensor: as it is, or as one row of sites a sample, [N,H·W,C]. Both are the same bytes, so
 * a Reshape between them is free but for the call, and each op leaves its result in the form that it computes it in.
 */
export type TensorLayout = "map" | "row";

/** Where the table of ops writes to. Tensors are spoken of by their names. */
export interface Writer extends Style {
  readonly node: (id: ValueId) => Node;
  /** The node that alone reads a value which is no output, or null. */
  readonly soleReader: (id: ValueId) => Node | null;
  /** The tensor of a value that has been emitted; a Reshape is added where it is only there in the other form. */
  readonly value: (id: ValueId, form?: TensorLayout) => string;
  /** The form that a value has been computed in. */
  readonly layoutOf: (id: ValueId) => TensorLayout;
  /** Adds the node that computes a value, which bears the value's path. */
  readonly result: (
    node: Node,
    op: OperatorName,
    inputs: readonly string[],
    attributes?: Attributes,
    form?: TensorLayout,
  ) => void;
  /** Adds a node on the way to a value. `part` tells it from the others of that value. Asked again, it is there already. */
  readonly step: (
    id: ValueId,
    part: string,
    op: OperatorName,
    inputs: readonly string[],
    attributes?: Attributes,
  ) => string;
  readonly initializer: (initializer: Initializer) => string;
  /** What these tensors need, in order. */
  readonly finish: (outputs: readonly string[]) => Written;
}

export interface Written {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
}

/** The shape of a map in one of its forms. */
export function shapeIn(w: Writer, layout: TensorLayout, type: TensorType): string {
  const { height, width } = sidesOf(w, type);
  const shape = layout === "map" ? [height, width] : [times(w, height, width)];
  return lengths(w, 0, ...shape, channels(type));
}

/** `nameOf` gives the tensor that holds a value as it is. */
export function writerFor(graph: Graph, style: Style, nameOf: (id: ValueId) => string): Writer {
  const nodes = new Map<string, OnnxNode>();
  const initializers = new Map<string, Initializer>();
  const layouts = new Map<ValueId, TensorLayout>();
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(output => output.value));

  const add = (
    name: string,
    op: OperatorName,
    inputs: readonly string[],
    attributes: Attributes,
    tensor: string,
  ): string => {
    const listed = Object.entries(attributes).map(([key, attribute]) => ({ name: key, ...attribute }) as OnnxAttribute);
    if (!nodes.has(name)) nodes.set(name, { name, op, inputs, outputs: [tensor], attributes: listed });
    return tensor;
  };
  const tensors: Readonly<Record<TensorLayout, (id: ValueId) => string>> = { map: nameOf, row: id => `${id}/row` };
  const writer: Writer = {
    ...style,
    node: id => nodeOf(graph, id),
    soleReader: id => (outputs.has(id) || read.get(id)?.length !== 1 ? null : (read.get(id)?.[0] ?? null)),
    value: (id, layout = "map") => {
      const { op, type } = nodeOf(graph, id);
      const there = op === "input" ? "map" : layouts.get(id);
      invariant(there !== undefined, `'${id}' has no ONNX tensor yet`);
      const tensor = tensors[layout](id);
      if (there === layout) return tensor;
      return add(`${id}/${layout}`, "Reshape", [tensors[there](id), shapeIn(writer, layout, type)], {}, tensor);
    },
    layoutOf: id => layouts.get(id) ?? "map",
    result: ({ id }, op, inputs, attributes = {}, layout = "map") => {
      invariant(!nodes.has(id), `'${id}' is written twice`);
      layouts.set(id, layout);
      add(id, op, inputs, attributes, tensors[layout](id));
    },
    step: (id, part, op, inputs, attributes = {}) => add(`${id}/${part}`, op, inputs, attributes, `${id}/${part}`),
    initializer: initializer => {
      const { name, shape } = initializer;
      const there = initializers.get(name);
      invariant(
        there === undefined || `${there.shape}` === `${shape}`,
        `'${name}' is [${shape}] and [${there?.shape}]`,
      );
      if (there === undefined) initializers.set(name, initializer);
      return name;
    },
    finish: outputs => {
      const live = new Set(outputs);
      const isLive = (node: OnnxNode): boolean => node.outputs.some(tensor => live.has(tensor));
      for (const node of [...nodes.values()].reverse())
        if (isLive(node)) for (const input of node.inputs) live.add(input);
      return {
        nodes: [...nodes.values()].filter(isLive),
        initializers: [...initializers.values()].filter(({ name }) => live.has(name)),
      };
    },
  };
  return writer;
}
