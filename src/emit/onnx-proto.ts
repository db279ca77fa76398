/**
 * ONNX's protobuf messages as typed plain data, the part of them that we write. The `onnx-proto` package does the
 * encoding; it stands behind this file because its own types collapse to `any`, and because the build inlines it here,
 * so that users install neither it nor protobufjs. It is loaded when first asked for: most commands never need it.
 */
export interface OnnxModel {
  readonly irVersion: number;
  readonly opset: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly doc: string;
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** Null only for the shell that a streamed file starts with. */
  readonly graph: OnnxGraph | null;
}

export interface OnnxGraph {
  readonly name: string;
  readonly doc: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** What lies between them: `value_info`. */
  readonly values: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export type OnnxAttribute =
  | { readonly name: string; readonly kind: "int" | "float"; readonly value: number }
  | { readonly name: string; readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly name: string; readonly kind: "string"; readonly value: string };

export type OnnxDType = "f32" | "f16" | "u8" | "i64" | "bool";

export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Little-endian bytes, a place in another file, or null where the bytes are put behind the encoded message. */
  readonly data: Uint8Array | OnnxPlace | null;
}

/** Where a tensor's bytes stand, relative to the model file. */
export interface OnnxPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDType;
  /** A length, the name of a symbolic one, or null where it is known in a run alone. */
  readonly shape: readonly (number | string | null)[];
}

export interface OnnxCodec {
  readonly encodeModel: (model: OnnxModel) => Uint8Array;
  readonly encodeGraph: (graph: OnnxGraph) => Uint8Array;
  readonly encodeTensor: (tensor: OnnxTensor) => Uint8Array;
  /** Keeps only what these types name. */
  readonly decodeModel: (bytes: Uint8Array) => OnnxModel;
}

export async function loadOnnxCodec(): Promise<OnnxCodec> {
  const { onnx } = (await import("onnx-proto")).default;
  return {
    encodeModel: model => onnx.ModelProto.encode(messages.model(model)).finish(),
    encodeGraph: graph => onnx.GraphProto.encode(messages.graph(graph)).finish(),
    encodeTensor: tensor => onnx.TensorProto.encode(messages.tensor(tensor)).finish(),
    decodeModel: bytes => {
      const decoded = onnx.ModelProto.decode(bytes);
      const wire = onnx.ModelProto.toObject(decoded, { longs: Number, defaults: true, arrays: true });
      return plain.model(wire as Wire["model"]);
    },
  };
}

const dtypeCodes = { f32: 1, f16: 10, u8: 2, i64: 7, bool: 9 } as const satisfies Record<OnnxDType, number>;
const kindCodes = { float: 1, int: 2, string: 3, ints: 7 } as const satisfies Record<OnnxAttribute["kind"], number>;
const externalLocation = 1;

/** Our data → what onnx-proto encodes. */
const messages = {
  model: (model: OnnxModel) => ({
    irVersion: model.irVersion,
    opsetImport: [{ domain: "", version: model.opset }],
    producerName: model.producer.name,
    producerVersion: model.producer.version,
    docString: model.doc,
    metadataProps: model.metadata.map(([key, value]) => ({ key, value })),
    ...(model.graph === null ? {} : { graph: messages.graph(model.graph) }),
  }),
  graph: (graph: OnnxGraph) => ({
    name: graph.name,
    docString: graph.doc,
    node: graph.nodes.map(messages.node),
    initializer: graph.initializers.map(messages.tensor),
    input: graph.inputs.map(messages.valueInfo),
    output: graph.outputs.map(messages.valueInfo),
    valueInfo: graph.values.map(messages.valueInfo),
  }),
  node: ({ name, op, inputs, outputs, attributes }: OnnxNode) => ({
    name,
    opType: op,
    input: [...inputs],
    output: [...outputs],
    attribute: attributes.map(messages.attribute),
  }),
  attribute: ({ name, kind, value }: OnnxAttribute) => ({
    name,
    type: kindCodes[kind],
    ...(kind === "int" ? { i: value } : {}),
    ...(kind === "float" ? { f: value } : {}),
    ...(kind === "ints" ? { ints: [...value] } : {}),
    ...(kind === "string" ? { s: asciiBytes(value) } : {}),
  }),
  tensor: ({ name, dtype, shape, data }: OnnxTensor) => ({
    name,
    dims: [...shape],
    dataType: dtypeCodes[dtype],
    ...(data instanceof Uint8Array ? { rawData: data } : {}),
    ...(data === null || data instanceof Uint8Array
      ? {}
      : {
          dataLocation: externalLocation,
          externalData: [
            { key: "location", value: data.location },
            { key: "offset", value: `${data.offset}` },
            { key: "length", value: `${data.length}` },
          ],
        }),
  }),
  valueInfo: ({ name, dtype, shape }: OnnxValueInfo) => ({
    name,
    type: {
      tensorType: {
        elemType: dtypeCodes[dtype],
        shape: { dim: shape.map(d => (typeof d === "string" ? { dimParam: d } : d === null ? {} : { dimValue: d })) },
      },
    },
  }),
};

/** ASCII is all that attributes hold. */
const asciiBytes = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0));

/** What onnx-proto decodes, as plain objects whose fields are all there; its own types do not say. */
interface Wire {
  readonly model: {
    readonly irVersion: number;
    readonly opsetImport: readonly { readonly version: number }[];
    readonly producerName: string;
    readonly producerVersion: string;
    readonly docString: string;
    readonly metadataProps: readonly Entry[];
    readonly graph: Wire["graph"] | null;
  };
  readonly graph: {
    readonly name: string;
    readonly docString: string;
    readonly node: readonly Wire["node"][];
    readonly initializer: readonly Wire["tensor"][];
    readonly input: readonly Wire["valueInfo"][];
    readonly output: readonly Wire["valueInfo"][];
    readonly valueInfo: readonly Wire["valueInfo"][];
  };
  readonly node: {
    readonly name: string;
    readonly opType: string;
    readonly input: readonly string[];
    readonly output: readonly string[];
    readonly attribute: readonly Wire["attribute"][];
  };
  readonly attribute: {
    readonly name: string;
    readonly type: number;
    readonly i: number;
    readonly f: number;
    readonly s: Uint8Array;
    readonly ints: readonly number[];
  };
  readonly tensor: {
    readonly name: string;
    readonly dims: readonly number[];
    readonly dataType: number;
    readonly rawData: Uint8Array;
    readonly dataLocation: number;
    readonly externalData: readonly Entry[];
  };
  readonly valueInfo: {
    readonly name: string;
    readonly type: {
      readonly tensorType: { readonly elemType: number; readonly shape: { readonly dim: readonly Dim[] } };
    };
  };
}
interface Entry {
  readonly key: string;
  readonly value: string;
}
/** One of the two. */
interface Dim {
  readonly dimParam?: string;
  readonly dimValue?: number;
}

function keyOf<K extends string>(codes: Readonly<Record<K, number>>, code: number, what: string): K {
  const found = (Object.keys(codes) as K[]).find(key => codes[key] === code);
  if (found === undefined) throw new RangeError(`${what} ${code} is none that cnxc writes`);
  return found;
}

/** What onnx-proto decodes → our data. */
const plain = {
  model: (wire: Wire["model"]): OnnxModel => ({
    irVersion: wire.irVersion,
    opset: wire.opsetImport[0]?.version ?? 0,
    producer: { name: wire.producerName, version: wire.producerVersion },
    doc: wire.docString,
    metadata: wire.metadataProps.map(({ key, value }) => [key, value]),
    graph: wire.graph && plain.graph(wire.graph),
  }),
  graph: (wire: Wire["graph"]): OnnxGraph => ({
    name: wire.name,
    doc: wire.docString,
    nodes: wire.node.map(plain.node),
    initializers: wire.initializer.map(plain.tensor),
    inputs: wire.input.map(plain.valueInfo),
    outputs: wire.output.map(plain.valueInfo),
    values: wire.valueInfo.map(plain.valueInfo),
  }),
  node: ({ name, opType, input, output, attribute }: Wire["node"]): OnnxNode => ({
    name,
    op: opType,
    inputs: input,
    outputs: output,
    attributes: attribute.map(plain.attribute),
  }),
  attribute: ({ name, type, i, f, s, ints }: Wire["attribute"]): OnnxAttribute => {
    const values = { int: i, float: f, ints, string: String.fromCharCode(...s) };
    const kind = keyOf(kindCodes, type, "attribute type");
    return { name, kind, value: values[kind] } as OnnxAttribute;
  },
  tensor: ({ name, dims, dataType, rawData, dataLocation, externalData }: Wire["tensor"]): OnnxTensor => {
    const entry = (wanted: string): string => externalData.find(({ key }) => key === wanted)?.value ?? "";
    const place = { location: entry("location"), offset: Number(entry("offset")), length: Number(entry("length")) };
    const data = dataLocation === externalLocation ? place : rawData;
    return { name, dtype: keyOf(dtypeCodes, dataType, "data type"), shape: dims, data };
  },
  valueInfo: ({ name, type }: Wire["valueInfo"]): OnnxValueInfo => ({
    name,
    dtype: keyOf(dtypeCodes, type.tensorType.elemType, "data type"),
    shape: type.tensorType.shape.dim.map(({ dimParam, dimValue }) => dimParam ?? dimValue ?? null),
  }),
};
