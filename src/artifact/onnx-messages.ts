import { decodeUtf8, type Range } from "../weights/formats/bytes.ts";
import type { ByteSource } from "../weights/formats/source.ts";
import { type Field, headBytes, limits, type WireReader, type WireType, wireReader } from "./wire.ts";

/** What a field holds: a scalar, or a message of the schema. `payload` is never read, it is only known where it stands. */
interface Scalars {
  readonly int: number;
  readonly float: number;
  readonly text: string;
  readonly payload: Range;
}
type MessageName = keyof typeof schema;

interface Rule {
  readonly name: string;
  readonly type: keyof Scalars | string;
  readonly many?: true;
}

/**
 * The messages of onnx.proto, by the numbers of their fields, as far as cnxc writes them. None holds itself, so nesting
 * has an end. Any other field is refused: what it would mean to a runtime, nobody would have checked.
 */
const schema = {
  model: {
    1: { name: "irVersion", type: "int" },
    2: { name: "producerName", type: "text" },
    3: { name: "producerVersion", type: "text" },
    6: { name: "doc", type: "text" },
    7: { name: "graph", type: "graph" },
    8: { name: "opsets", type: "opset", many: true },
    14: { name: "metadata", type: "entry", many: true },
  },
  opset: { 1: { name: "domain", type: "text" }, 2: { name: "version", type: "int" } },
  entry: { 1: { name: "key", type: "text" }, 2: { name: "value", type: "text" } },
  graph: {
    1: { name: "nodes", type: "node", many: true },
    2: { name: "name", type: "text" },
    5: { name: "initializers", type: "tensor", many: true },
    10: { name: "doc", type: "text" },
    11: { name: "inputs", type: "valueInfo", many: true },
    12: { name: "outputs", type: "valueInfo", many: true },
    13: { name: "values", type: "valueInfo", many: true },
  },
  node: {
    1: { name: "inputs", type: "text", many: true },
    2: { name: "outputs", type: "text", many: true },
    3: { name: "name", type: "text" },
    4: { name: "op", type: "text" },
    5: { name: "attributes", type: "attribute", many: true },
    7: { name: "domain", type: "text" },
  },
  attribute: {
    1: { name: "name", type: "text" },
    2: { name: "float", type: "float" },
    3: { name: "int", type: "int" },
    4: { name: "string", type: "text" },
    8: { name: "ints", type: "int", many: true },
    20: { name: "type", type: "int" },
  },
  tensor: {
    1: { name: "dims", type: "int", many: true },
    2: { name: "dataType", type: "int" },
    8: { name: "name", type: "text" },
    9: { name: "raw", type: "payload" },
    13: { name: "external", type: "entry", many: true },
    14: { name: "location", type: "int" },
  },
  valueInfo: { 1: { name: "name", type: "text" }, 2: { name: "type", type: "type" } },
  type: { 1: { name: "tensor", type: "tensorType" } },
  tensorType: { 1: { name: "elementType", type: "int" }, 2: { name: "shape", type: "shape" } },
  shape: { 1: { name: "dims", type: "dim", many: true } },
  dim: { 1: { name: "length", type: "int" }, 2: { name: "symbol", type: "text" } },
} as const satisfies Readonly<Record<string, Readonly<Record<number, Rule>>>>;

type Value<T> = T extends keyof Scalars ? Scalars[T] : T extends MessageName ? Message<T> : never;

/** A message as data: null and empty lists where a field is not there. `at` is where it begins in the file. */
export type Message<M extends MessageName> = { readonly at: number } & {
  readonly [K in keyof (typeof schema)[M] as (typeof schema)[M][K] extends { name: infer N extends string }
    ? N
    : never]: (typeof schema)[M][K] extends { type: infer T; many: true }
    ? readonly Value<T>[]
    : (typeof schema)[M][K] extends { type: infer T }
      ? Value<T> | null
      : never;
};

/** The whole of an ONNX file but its tensors' bytes. Throws a `Failure` at the first byte that is not as it must be. */
export const decodeOnnx = (source: ByteSource): Promise<Message<"model">> =>
  decode(wireReader(source), "model", { at: 0, length: source.size });

async function decode<M extends MessageName>(wire: WireReader, name: M, { at, length }: Range): Promise<Message<M>> {
  const rules: Readonly<Record<number, Rule>> = schema[name];
  const found: Record<string, unknown> = { at };
  for (const key in rules) {
    const { name, many } = rules[key] as Rule;
    found[name] = many ? [] : null;
  }
  const end = at + length;
  for (let next = at; next < end; ) {
    const head = wire.load(next, headBytes);
    if (head !== null) await head;
    const field = wire.field(next, end);
    next = field.next;
    const rule = Object.hasOwn(rules, field.number) ? rules[field.number] : undefined;
    if (rule === undefined) return wire.foreign(field.at, `field ${field.number} of the message '${name}'`);
    const packed = rule.type === "int" && rule.many && field.type === 2;
    const expected = isScalar(rule.type) ? wireTypes[rule.type] : 2;
    if (field.type !== expected && !packed)
      wire.refuse(field.at, `${rule.name} has the wire type ${field.type}, not ${expected}`);
    let values: readonly unknown[];
    if (!isScalar(rule.type)) values = [await decode(wire, rule.type as MessageName, field.value)];
    else {
      const body = rule.type === "payload" ? null : loadScalar(wire, field);
      if (body !== null) await body;
      values = scalars[rule.type](wire, field);
    }
    if (rule.many) for (const value of values) (found[rule.name] as unknown[]).push(value);
    else if (found[rule.name] === null) [found[rule.name]] = values;
    else return wire.refuse(field.at, `a ${name} has its ${rule.name} twice`);
  }
  return found as Message<M>;
}

function loadScalar(wire: WireReader, { at, value }: Field): Promise<void> | null {
  if (value.length > limits.text) wire.refuse(at, `a text or list has more than ${limits.text} bytes`);
  return wire.load(value.at, value.length);
}

const wireTypes = { int: 0, float: 5, text: 2, payload: 2 } as const satisfies Record<keyof Scalars, WireType>;
const isScalar = (type: string): type is keyof Scalars => Object.hasOwn(wireTypes, type);

/** What a field holds: one value, or of numbers that are packed as many as there are. */
const scalars: { readonly [K in keyof Scalars]: (wire: WireReader, field: Field) => readonly Scalars[K][] } = {
  int: (wire, { value }) => wire.integers(value),
  float(wire, { value }) {
    const bytes = wire.bytes(value);
    return [new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)];
  },
  text: (wire, { at, value }) => [decodeUtf8(wire.bytes(value)) ?? wire.refuse(at, "a text is not valid UTF-8")],
  payload: (_, { value }) => [value],
};
