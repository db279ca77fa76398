import { invariant } from "../../diagnostics/invariant.ts";
import { loadOnnxCodec, type OnnxCodec, type OnnxModel, type OnnxTensor } from "../onnx-proto.ts";
import type { OutputFile } from "../target.ts";
import type { ReadConstant } from "./constants.ts";
import type { Lowered } from "./lower.ts";
import type { Computed, Initializer } from "./writer.ts";

/** Pages of the data file, so that a runtime can map a tensor without copying it. */
const alignment = 4096;
/** Above this, weights go to a file of their own: protobuf ends at 2 GiB, and some readers well before. */
export const inlineLimit = 1_000_000_000;

/** A model whose initializers are still to be worked out. */
export interface Unwritten extends Omit<OnnxModel, "graph"> {
  readonly graph: Lowered & { readonly doc: string };
}

const byteLength = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 4);
const isComputed = (initializer: Initializer): initializer is Computed => initializer.kind === "computed";

/**
 * `onnx/model.onnx`, and where the weights exceed `limit` bytes `onnx/model.onnx_data` beside it. Both are written from
 * one tensor at a time. Without weights the model names the data file, and where in it each tensor would stand, and the
 * data file is not written.
 */
export function onnxFiles(model: Unwritten, read: ReadConstant | null, limit: number): readonly OutputFile[] {
  const computed = model.graph.initializers.filter(isComputed);
  const total = computed.reduce((sum, { shape }) => sum + byteLength(shape), 0);
  const path = "onnx/model.onnx";
  if (read !== null && total <= limit) return [{ path, contents: inlineModel(model, computed, read) }];
  const data = "model.onnx_data";
  const places = new Map<string, number>();
  let end = 0;
  for (const { name, shape } of computed) {
    places.set(name, end);
    end = Math.ceil((end + byteLength(shape)) / alignment) * alignment;
  }
  const outside = (tensor: Computed): OnnxTensor => ({
    name: tensor.name,
    dtype: "f32",
    shape: tensor.shape,
    data: { location: data, offset: places.get(tensor.name) ?? 0, length: byteLength(tensor.shape) },
  });
  const files = [{ path, contents: externalModel(model, outside) }];
  return read === null ? files : [...files, { path: `onnx/${data}`, contents: tensorData(computed, read) }];
}

async function* externalModel(model: Unwritten, outside: (tensor: Computed) => OnnxTensor): AsyncIterable<Uint8Array> {
  const codec = await loadOnnxCodec();
  const initializers = model.graph.initializers.map(tensor => (isComputed(tensor) ? outside(tensor) : literal(tensor)));
  yield codec.encodeModel({ ...model, graph: { ...model.graph, initializers } });
}

async function* tensorData(tensors: readonly Computed[], read: ReadConstant): AsyncIterable<Uint8Array> {
  let padding = 0;
  for (const tensor of tensors) {
    if (padding > 0) yield new Uint8Array(padding);
    const bytes = await bytesOf(tensor, read);
    yield bytes;
    padding = (alignment - (bytes.length % alignment)) % alignment;
  }
}

/**
 * A model with its weights inside: the message around them, then tensor after tensor. Messages within messages start
 * with their length, and all lengths are known from shapes alone.
 */
async function* inlineModel(
  model: Unwritten,
  tensors: readonly Computed[],
  read: ReadConstant,
): AsyncIterable<Uint8Array> {
  const codec = await loadOnnxCodec();
  const literals = model.graph.initializers.filter(tensor => !isComputed(tensor)).map(literal);
  const graph = codec.encodeGraph({ ...model.graph, initializers: literals });
  const heads = tensors.map(tensor => tensorHead(codec, tensor));
  const length = tensors.reduce((sum, { shape }, i) => sum + (heads[i]?.length ?? 0) + byteLength(shape), graph.length);
  yield codec.encodeModel({ ...model, graph: null });
  yield field(fields.modelGraph, length);
  yield graph;
  for (const [i, tensor] of tensors.entries()) {
    yield heads[i] as Uint8Array;
    yield await bytesOf(tensor, read);
  }
}

/** Everything of an initializer within a graph but its data, which must follow. */
function tensorHead(codec: OnnxCodec, { name, shape }: Computed): Uint8Array {
  const head = codec.encodeTensor({ name, dtype: "f32", shape, data: null });
  const data = field(fields.tensorRawData, byteLength(shape));
  const start = field(fields.graphInitializer, head.length + data.length + byteLength(shape));
  return Uint8Array.of(...start, ...head, ...data);
}

/** Numbers of length-delimited fields in onnx.proto. */
const fields = { modelGraph: 7, graphInitializer: 5, tensorRawData: 9 } as const;

/** The start of a field that holds `length` bytes: its tag and the length, both as protobuf's varints. */
const field = (number: number, length: number): Uint8Array => Uint8Array.of((number << 3) | 2, ...varint(length));

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

async function bytesOf(tensor: Computed, read: ReadConstant): Promise<Uint8Array> {
  const values = await tensor.compute(read);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  invariant(bytes.length === byteLength(tensor.shape), `'${tensor.name}' has ${values.length} values`);
  return bytes;
}

const literal = (tensor: Initializer): OnnxTensor => {
  invariant(tensor.kind === "literal", `'${tensor.name}' comes from the weights`);
  const { data, name, shape } = tensor;
  const dtype = data instanceof BigInt64Array ? "i64" : "f32";
  return { name, dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
};
