import type { FilePlace } from "../diagnostics/diagnostic.ts";
import { Failure } from "../diagnostics/failure.ts";
import { quoted } from "../diagnostics/messages/quoted.ts";
import { error } from "../diagnostics/messages.ts";
import { type OperatorName, operators } from "../emit/onnx/operators.ts";
import type { Initializer } from "./initializers.ts";
import type { Message } from "./onnx-messages.ts";
import { standardDomains } from "./onnx-versions.ts";
import { type Attributes, listOf, type Shape, ShapeError, sameShape, shapeRules, type Tensor } from "./shapes.ts";

type PlaceOf = (at: number) => FilePlace;

/** Every node in turn: a known operator, inputs that are there by then, outputs that are new, and shapes that go together. */
export function checkGraph(graph: Message<"graph">, initializers: readonly Initializer[], place: PlaceOf): void {
  const refuse = (at: number, why: string): never => {
    throw new Failure(error("onnx-graph", place(at), why));
  };
  const tensors = new Map<string, Tensor>();
  const define = (name: string, tensor: Tensor, at: number): void => {
    if (name === "") refuse(at, "a tensor has no name");
    if (tensors.has(name)) refuse(at, `${quoted(name)} is made twice`);
    tensors.set(name, tensor);
  };
  for (const info of graph.inputs) define(info.name ?? "", { shape: shapeOf(info, refuse), values: null }, info.at);
  for (const [i, tensor] of initializers.entries()) define(tensor.name, tensor, graph.initializers[i]?.at ?? graph.at);

  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const node of graph.nodes) {
    const name = node.name ?? "";
    const op = operatorOf(node, refuse);
    const attributes = attributesOf(node, op, refuse);
    const inputs = node.inputs.map(input => {
      // Only Resize leaves inputs out.
      if (input === "" && op === "Resize") return { shape: [], values: null };
      const later = made.has(input)
        ? "only this or a later node makes: nodes are in order, and in no circle"
        : "nothing makes";
      return tensors.get(input) ?? refuse(node.at, `${quoted(name)} reads ${quoted(input)}, which ${later}`);
    });
    const [output = "", ...more] = node.outputs;
    if (more.length > 0) refuse(node.at, `${quoted(name)} has ${node.outputs.length} outputs, expected 1`);
    const shape = inferred(op, inputs, attributes, name, place(node.at));
    define(output, { shape, values: op === "Concat" ? inputs.flatMap(listOf) : null }, node.at);
  }
  if (graph.outputs.length === 0) refuse(graph.at, "it has no output");
  for (const info of graph.outputs) {
    const name = info.name ?? "";
    const { shape } = tensors.get(name) ?? refuse(info.at, `nothing makes the output ${quoted(name)}`);
    const declared = shapeOf(info, refuse);
    if (!sameShape(shape, declared))
      throw new Failure(
        error("onnx-shape", place(info.at), name, `it is declared [${declared}], the nodes make [${shape}]`),
      );
  }
}

/** FLOAT, UINT8, INT64 and FLOAT16 of `TensorProto.DataType`. */
const known: readonly number[] = [1, 2, 7, 10];

type Refuse = (at: number, why: string) => never;

function shapeOf({ type, at }: Message<"valueInfo">, refuse: Refuse): Shape {
  const shape = type?.tensor?.shape ?? refuse(at, "an input or output has no shape");
  const code = type?.tensor?.elementType ?? 0;
  if (!known.includes(code)) refuse(at, `an input or output has element type ${code}, which cnxc does not write`);
  return shape.dims.map(({ length, symbol }) => symbol ?? (length !== null && length >= 0 ? length : null));
}

function operatorOf({ op, domain, inputs, name, at }: Message<"node">, refuse: Refuse): OperatorName {
  if (!standardDomains.includes(domain ?? ""))
    refuse(at, `${quoted(name ?? "")} is an operator of ${quoted(domain ?? "")}`);
  if (op === null || !Object.hasOwn(operators, op))
    return refuse(at, `${quoted(name ?? "")} is ${quoted(op ?? "")}, which is no operator that cnxc writes`);
  const known = op as OperatorName;
  const [least, most] = operators[known].inputs;
  if (inputs.length < least || inputs.length > most)
    refuse(
      at,
      `${quoted(name ?? "")} has ${inputs.length} inputs, but ${op} takes ${least === most ? least : `${least} to ${most}`}`,
    );
  return known;
}

/** Numbers of attribute types in onnx.proto. */
const kinds = { float: 1, int: 2, string: 3, ints: 7 } as const;

function attributesOf({ attributes, name }: Message<"node">, op: OperatorName, refuse: Refuse): Attributes {
  const known: Readonly<Record<string, keyof typeof kinds>> = operators[op].attributes;
  const found = new Map<string, Message<"attribute">>();
  for (const attribute of attributes) {
    const key = attribute.name ?? "";
    const kind = Object.hasOwn(known, key) ? known[key] : undefined;
    if (kind === undefined)
      return refuse(
        attribute.at,
        `${op} ${quoted(name ?? "")} has an attribute ${quoted(key)}, which cnxc does not write`,
      );
    if (attribute.type !== kinds[kind] || (kind !== "ints" && attribute[kind] === null) || found.has(key))
      return refuse(attribute.at, `attribute ${quoted(key)} of ${quoted(name ?? "")} is not one ${kind}`);
    found.set(key, attribute);
  }
  return {
    int: (key, otherwise) => found.get(key)?.int ?? otherwise,
    ints: key => found.get(key)?.ints ?? null,
  };
}

function inferred(op: OperatorName, inputs: readonly Tensor[], attributes: Attributes, name: string, place: FilePlace) {
  try {
    return shapeRules[op](inputs, attributes);
  } catch (cause) {
    if (cause instanceof ShapeError) throw new Failure(error("onnx-shape", place, `${op} ${name}`, cause.message));
    throw cause;
  }
}
