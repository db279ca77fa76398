import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { elements, type Weights } from "../../weights/tensor.ts";
import { fromF32 } from "../../weights/use/round.ts";
import { beyondHalf, warnOfZeros } from "../../weights/use/within-half.ts";
import {
  loadOnnxCodec,
  type OnnxCodec,
  type OnnxDType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
} from "../onnx-proto.ts";
import type { OutputFile } from "../target.ts";
import type { FloatType } from "./cast.ts";
import type { ReadConstant } from "./constants.ts";
import type { Lowered } from "./lower.ts";
import { type Computed, dtypeOf, type Initializer } from "./writer.ts";

/** Pages of the data file, so that a runtime can map a tensor without copying it. */
const alignment = 4096;
/** Above this, weights go to a file of their own: protobuf ends at 2 GiB, and some readers well before. */
export const inlineLimit = 1_000_000_000;

/** The most that one file may hold: protobuf's lengths end at 2^31 - 1, and the graph around the weights takes a part. */
const protobufLimit = 2 ** 31 - 2 ** 24;

/** Where constants come from. */
export interface Source {
  readonly weights: Weights;
  readonly read: ReadConstant;
}

/** A model whose initializers are still to be worked out. */
export interface Unwritten extends Omit<OnnxModel, "graph"> {
  readonly graph: Lowered & Pick<OnnxGraph, "doc" | "values">;
}

const bytesPerElement = { f32: 4, f16: 2, u8: 1, i64: 8, bool: 1 } as const satisfies Record<OnnxDType, number>;
const byteLength = (tensor: Initializer): number => elements(tensor.shape) * bytesPerElement[dtypeOf(tensor)];
const totalBytes = (tensors: readonly Initializer[]): number =>
  tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0);
const isComputed = (initializer: Initializer): initializer is Computed => initializer.kind === "computed";

/** Why weights cannot go into the file of the graph, told by their shapes alone. */
export function inlineProblems(model: Unwritten, { name, span }: Model): readonly Diagnostic[] {
  const bytes = totalBytes(model.graph.initializers);
  return bytes > protobufLimit ? [error("inline-too-large", span, name, bytes)] : [];
}

/**
 * `onnx/NAME.onnx`, and where the weights exceed `limit` bytes `onnx/NAME.onnx_data` beside it. Both are written from
 * one tensor at a time. Without weights the model names the data file, and where in it each tensor would stand, and the
 * data file is not written.
 */
export function onnxFiles(name: string, model: Unwritten, source: Source | null, limit: number): readonly OutputFile[] {
  const computed = model.graph.initializers.filter(isComputed);
  const path = `onnx/${name}.onnx`;
  if (source !== null && totalBytes(computed) <= limit)
    return [{ path, contents: inlineModel(model, computed, source) }];
  const data = `${name}.onnx_data`;
  const places = new Map<string, number>();
  let end = 0;
  for (const tensor of computed) {
    places.set(tensor.name, end);
    end = Math.ceil((end + byteLength(tensor)) / alignment) * alignment;
  }
  const outside = (tensor: Computed): OnnxTensor => ({
    name: tensor.name,
    dtype: dtypeOf(tensor),
    shape: tensor.shape,
    data: { location: data, offset: places.get(tensor.name) ?? 0, length: byteLength(tensor) },
  });
  const files = [{ path, contents: externalModel(model, outside) }];
  return source === null ? files : [...files, { path: `onnx/${data}`, contents: tensorData(computed, source) }];
}

async function* externalModel(model: Unwritten, outside: (tensor: Computed) => OnnxTensor): AsyncIterable<Uint8Array> {
  const codec = await loadOnnxCodec();
  const initializers = model.graph.initializers.map(tensor => (isComputed(tensor) ? outside(tensor) : literal(tensor)));
  yield codec.encodeModel({ ...model, graph: { ...model.graph, initializers } });
}

async function* tensorData(tensors: readonly Computed[], source: Source): AsyncIterable<Uint8Array> {
  let padding = 0;
  for (const tensor of tensors) {
    if (padding > 0) yield new Uint8Array(padding);
    const bytes = await tensorBytes(tensor, source);
    yield bytes;
    padding = (alignment - (bytes.length % alignment)) % alignment;
  }
}

/**
 * A model with its weights inside: the message around them, then tensor after tensor. Messages within messages start
 * with their length, and all lengths are known from shapes alone.
 */
async function* inlineModel(model: Unwritten, tensors: readonly Computed[], source: Source): AsyncIterable<Uint8Array> {
  const codec = await loadOnnxCodec();
  const literals = model.graph.initializers.filter(tensor => !isComputed(tensor)).map(literal);
  const graph = codec.encodeGraph({ ...model.graph, initializers: literals });
  const heads = tensors.map(tensor => tensorHead(codec, tensor));
  const length = tensors.reduce((sum, tensor, i) => sum + (heads[i]?.length ?? 0) + byteLength(tensor), graph.length);
  yield codec.encodeModel({ ...model, graph: null });
  yield field(fields.modelGraph, length);
  yield graph;
  for (const [i, tensor] of tensors.entries()) {
    yield heads[i] as Uint8Array;
    yield await tensorBytes(tensor, source);
  }
}

/** Everything of an initializer within a graph but its data, which must follow. */
function tensorHead(codec: OnnxCodec, tensor: Computed): Uint8Array {
  const { name, shape } = tensor;
  const head = codec.encodeTensor({ name, dtype: dtypeOf(tensor), shape, data: null });
  const data = field(fields.tensorRawData, byteLength(tensor));
  const start = field(fields.graphInitializer, head.length + data.length + byteLength(tensor));
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

async function tensorBytes(tensor: Computed, { read, weights }: Source): Promise<Uint8Array> {
  const { name, param, float = "f32" } = tensor;
  const values = await tensor.compute(read);
  invariant(values.length === elements(tensor.shape), `'${name}' has ${values.length} values`);
  remarks[float](weights, param, values);
  return stored(tensor, values);
}

/** What there is to say of values that were weights, before they are stored. */
const remarks: { readonly [K in FloatType]: typeof warnOfZeros } = { f32: () => {}, f16: warnOfZeros };

const stored = ({ name, float = "f32" }: Initializer, data: Float32Array | BigInt64Array): Uint8Array =>
  data instanceof BigInt64Array ? bytesOf(data) : encoders[float](data, name);

const encoders: { readonly [K in FloatType]: (data: Float32Array, name: string) => Uint8Array } = {
  f32: bytesOf,
  /** A finite value that f16 lacks stops the writing: as infinity it would spoil every image. */
  f16(data, name) {
    const at = beyondHalf(data);
    if (at >= 0) throw new Failure(error("beyond-half", null, name, at, data[at] as number));
    return fromF32.F16(data);
  },
};

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const literal = (tensor: Initializer): OnnxTensor => {
  invariant(tensor.kind === "literal", `'${tensor.name}' comes from the weights`);
  const { data, name, shape } = tensor;
  return { name, dtype: dtypeOf(tensor), shape, data: stored(tensor, data) };
};
