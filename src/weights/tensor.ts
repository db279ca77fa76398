import type { Diagnostic, FilePlace } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { type FileDType, isWeightDType, toF32 } from "./dtype.ts";
import type { Pieces } from "./pieces.ts";

/** A named tensor in a file, without its data. */
export interface Tensor {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  /** Where the file's table of contents names it. */
  readonly place: FilePlace;
  /** File offset of its first data byte; null where the file does not hold them in row-major order. */
  readonly dataAt: number | null;
}

/** A tensor file whose table of contents has been read and checked; data are read when asked for. */
export interface TensorFile {
  readonly name: string;
  /** In the order of the file's table of contents. A Map, so that no name can reach a prototype. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Little-endian, row-major, exactly the shape's elements. The name must be one of `tensors`. */
  bytes(name: string): Promise<Uint8Array>;
  /** The same bytes in pieces of whole elements; left out where a file gives a tensor only whole. */
  parts?(name: string): AsyncIterable<Uint8Array>;
  /** So many of those bytes, from `from` on; left out likewise, and for tensors whose `dataAt` is null. */
  range?(name: string, from: number, length: number): Promise<Uint8Array>;
}

/** A tensor's bytes, in pieces where the file has them so. */
export const piecesOf = (file: TensorFile, name: string): AsyncIterable<Uint8Array> | Promise<Uint8Array> =>
  file.parts?.(name) ?? file.bytes(name);

/** A tensor to be written; `bytes` is called once, when its turn comes, and gives little-endian row-major data. */
export interface TensorData {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  bytes(): Pieces | Promise<Pieces>;
}

/** What a model asks for. Names and shapes are those of the official PyTorch code. */
export interface Param {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The name, the shape and the order of elements that a file has for a parameter. */
export interface FileForm extends Param {
  /** Official values, or values of its gradient, in the file's order. */
  ordered(values: Float32Array): Float32Array;
}

/** A full set of parameters, in the official names and shapes, whatever they come from. */
export interface Weights {
  /** A file name, or what made them (`random:7`). */
  readonly origin: string;
  /** Of the values, as their file states it (`license` in its metadata). */
  readonly license?: string;
  /**
   * Row-major values, exactly the parameter's elements. Not kept: each call reads or makes them again. They may be a
   * view of the file's bytes, so they are not for writing. Rejects only where the file can no longer be read.
   */
  f32(name: string): Promise<Float32Array>;
  /** How the file that they come from has a parameter; left out where that is the official way. */
  readonly inFile?: (name: string) => FileForm;
  /** Told what is odd about how a parameter is stored; of each it passes on the first. Left out, nobody is told. */
  readonly warn?: (name: string, diagnostic: Diagnostic) => void;
}

/** Number of elements; 1 for a scalar. */
export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** One tensor's values as float32. The tensor must be there and be F32, F16 or BF16 (`isWeightDType`). */
export async function readF32(file: TensorFile, name: string): Promise<Float32Array> {
  const tensor = file.tensors.get(name);
  invariant(tensor !== undefined, `no tensor '${name}' in ${file.name}`);
  invariant(isWeightDType(tensor.dtype), `tensor '${name}' is ${tensor.dtype}`);
  return toF32[tensor.dtype](await file.bytes(name));
}
