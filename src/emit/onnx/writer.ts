import { invariant } from "../../diagnostics/invariant.ts";
import { type Graph, type Node, nodeOf, readers, type ValueId } from "../../graph/graph.ts";
import type { OnnxAttribute, OnnxNode } from "../onnx-proto.ts";
import type { ReadConstant } from "./constants.ts";

/** A constant tensor of the ONNX graph. */
export type Initializer = Literal | Computed;

/** One that the emitter knows: a shape, an epsilon. */
export interface Literal {
  readonly kind: "literal";
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** One that comes from the weights, worked out when it is written. */
export interface Computed {
  readonly kind: "computed";
  readonly name: string;
  readonly shape: readonly number[];
  readonly compute: (read: ReadConstant) => Promise<Float32Array>;
}

export type Attributes = Readonly<Record<string, Attribute>>;
type Attribute = OnnxAttribute extends infer A ? (A extends unknown ? Omit<A, "name"> : never) : never;
export const int = (value: number): Attribute => ({ kind: "int", value });
export const ints = (...value: readonly number[]): Attribute => ({ kind: "ints", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const text = (value: string): Attribute => ({ kind: "string", value });

/** Where the table of ops writes to. Values are spoken of by the name of their ONNX tensor. */
export interface Writer {
  readonly opset: number;
  readonly node: (id: ValueId) => Node;
  /** The node that alone reads a value which is no output, or null. */
  readonly soleReader: (id: ValueId) => Node | null;
  /** The tensor of a value that has been emitted. */
  readonly value: (id: ValueId) => string;
  /** Adds a node that computes the value itself: it bears the value's path. */
  readonly result: (node: Node, op: string, inputs: readonly string[], attributes?: Attributes) => string;
  /** Adds a node on the way to a value. `part` tells it from the others of that value. Asked again, it is there already. */
  readonly step: (id: ValueId, part: string, op: string, inputs: readonly string[], attributes?: Attributes) => string;
  readonly initializer: (initializer: Initializer) => string;
}

export interface Written {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  /** Value → tensor. */
  readonly values: ReadonlyMap<ValueId, string>;
}

export interface WriterEnd {
  readonly writer: Writer;
  readonly set: (id: ValueId, tensor: string) => void;
  /** What the outputs need, in order. */
  readonly finish: (outputs: readonly string[]) => Written;
}

/** `nameOf` gives the tensor that a value's own node writes. */
export function writerFor(graph: Graph, opset: number, nameOf: (id: ValueId) => string): WriterEnd {
  const nodes = new Map<string, OnnxNode>();
  const initializers = new Map<string, Initializer>();
  const values = new Map<ValueId, string>();
  const read = readers(graph);
  const outputs = new Set(graph.outputs.map(output => output.value));

  const add = (name: string, op: string, inputs: readonly string[], attributes: Attributes, tensor: string): string => {
    const listed = Object.entries(attributes).map(([key, attribute]) => ({ name: key, ...attribute }) as OnnxAttribute);
    nodes.set(name, { name, op, inputs, outputs: [tensor], attributes: listed });
    return tensor;
  };
  const writer: Writer = {
    opset,
    node: id => nodeOf(graph, id),
    soleReader: id => (outputs.has(id) || read.get(id)?.length !== 1 ? null : (read.get(id)?.[0] ?? null)),
    value: id => {
      const tensor = values.get(id);
      invariant(tensor !== undefined, `'${id}' has no ONNX tensor yet`);
      return tensor;
    },
    result: (node, op, inputs, attributes = {}) => {
      invariant(!nodes.has(node.id), `'${node.id}' is written twice`);
      return add(node.id, op, inputs, attributes, nameOf(node.id));
    },
    step: (id, part, op, inputs, attributes = {}) => {
      const name = `${id}/${part}`;
      return nodes.has(name) ? name : add(name, op, inputs, attributes, name);
    },
    initializer: initializer => {
      if (!initializers.has(initializer.name)) initializers.set(initializer.name, initializer);
      return initializer.name;
    },
  };
  return {
    writer,
    set: (id, tensor) => values.set(id, tensor),
    finish: outputs => {
      const live = new Set(outputs);
      for (const node of [...nodes.values()].reverse())
        if (node.outputs.some(tensor => live.has(tensor))) for (const input of node.inputs) live.add(input);
      return {
        nodes: [...nodes.values()].filter(node => node.outputs.some(tensor => live.has(tensor))),
        initializers: [...initializers.values()].filter(({ name }) => live.has(name)),
        values,
      };
    },
  };
}
