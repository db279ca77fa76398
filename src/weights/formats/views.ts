import type { FilePlace } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { copied, dtypeBytes, type FileDType } from "../dtype.ts";
import { elements, type TensorFile } from "../tensor.ts";
import { crc32 } from "./crc32.ts";
import type { ByteSource } from "./source.ts";

/** Bytes of a file that tensors view. */
export interface Block {
  /** What the file calls it. */
  readonly name: string;
  /** File offset and length, in bytes. */
  readonly at: number;
  readonly size: number;
  /** Of all its bytes; null where the file states none. Checked when some of them are first read. */
  readonly crc: number | null;
}

/** A tensor as a block holds it: element (i, j) is `offset` + i * strides[0] + j * strides[1] elements in. */
export interface View {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  /** In elements, not negative. */
  readonly strides: readonly number[];
  readonly block: Block;
  /** Of the first element in its block, in bytes. */
  readonly offset: number;
  readonly place: FilePlace;
}

/** Bytes read at once where they are only summed up. */
const chunk = 8 << 20;

/**
 * Tensors over blocks, which they may share. Each must lie inside its block and have no more elements than that. One
 * is read at a time and put in row-major order; `bytes` rejects with a `Failure` where a checksum is not the block's.
 */
export function viewFile(source: ByteSource, views: readonly View[]): TensorFile {
  const byName = new Map(views.map(view => [view.name, view]));
  const checked = new Set<Block>();
  const tensors = views.map(({ name, dtype, shape, strides, block, offset, place }) => {
    const dataAt = isRowMajor(shape, strides) ? block.at + offset : null;
    return [name, { name, dtype, shape, place, dataAt }] as const;
  });
  const viewOf = (name: string): View => {
    const view = byName.get(name);
    invariant(view !== undefined, `no tensor '${name}' in ${source.name}`);
    return view;
  };
  return {
    name: source.name,
    tensors: new Map(tensors),
    metadata: new Map(),
    range: (name, from, length) => {
      const { block, offset } = viewOf(name);
      return readPart(source, checked, block, offset + from, length);
    },
    bytes: async name => {
      const view = viewOf(name);
      const { shape, strides, block, offset } = view;
      const width = dtypeBytes[view.dtype];
      const bytes = await readPart(source, checked, block, offset, width * span(shape, strides));
      return isRowMajor(shape, strides) ? bytes : gather(bytes, width, shape, strides);
    },
  };
}

/** Elements from the first to the last, both counted. */
export const span = (shape: readonly number[], strides: readonly number[]): number =>
  elements(shape) === 0 ? 0 : shape.reduce((sum, size, k) => sum + (size - 1) * (strides[k] ?? 0), 1);

/** The strides of an order of dimensions in which the last given varies slowest. */
const packed = (shape: readonly number[], order: readonly number[]): readonly number[] => {
  const strides = shape.map(() => 0);
  let stride = 1;
  for (const k of order) {
    strides[k] = stride;
    stride *= shape[k] ?? 1;
  }
  return strides;
};

/** As C lays an array out, and as Fortran does. */
export const rowMajor = (shape: readonly number[]): readonly number[] => packed(shape, [...shape.keys()].reverse());
export const columnMajor = (shape: readonly number[]): readonly number[] => packed(shape, [...shape.keys()]);

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  const wanted = rowMajor(shape);
  return elements(shape) === 0 || shape.every((size, k) => size === 1 || strides[k] === wanted[k]);
}

/** What is said of a block whose bytes do not have its checksum. */
export function wrongChecksum(file: string, { name, at, crc }: Block): Failure {
  const problem = error("zip-checksum", { file, offset: at }, name);
  const none = "0 is what torch.save writes after set_crc32_options(False): save it again with checksums";
  return new Failure(crc === 0 ? withNote(problem, none) : problem);
}

async function readPart(
  source: ByteSource,
  checked: Set<Block>,
  block: Block,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const { at, size, crc } = block;
  if (crc === null || checked.has(block)) return source.read(at + offset, length);
  // Most tensors fill their block: it is then read once, and not once for its checksum and once for its data.
  const whole = 2 * length >= size ? await source.read(at, size) : null;
  let found = whole === null ? 0 : crc32(whole);
  for (let from = 0; whole === null && from < size; from += chunk)
    found = crc32(await source.read(at + from, Math.min(chunk, size - from)), found);
  if (found !== crc) throw wrongChecksum(source.name, block);
  checked.add(block);
  return whole?.subarray(offset, offset + length) ?? source.read(at + offset, length);
}

/** Moves elements as bits: a Float32Array might change what a NaN holds. */
const arrays = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

/** The elements of a view in row-major order. `bytes` begins with the first of them. */
function gather(
  bytes: Uint8Array,
  width: keyof typeof arrays,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array {
  const from =
    bytes.byteOffset % width === 0
      ? new arrays[width](bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / width)
      : new arrays[width](copied(bytes));
  const to = new arrays[width](elements(shape));
  const index = shape.map(() => 0);
  const last = shape.length - 1;
  const [inner, step] = [shape[last] ?? 1, strides[last] ?? 0];
  let row = 0;
  for (let done = 0; done < to.length; ) {
    for (let k = 0, at = row; k < inner; k++, at += step) to[done++] = from[at] as never;
    for (let k = last - 1; k >= 0; k--) {
      const stride = strides[k] as number;
      index[k] = (index[k] as number) + 1;
      row += stride;
      if (index[k] !== shape[k]) break;
      row -= stride * (shape[k] as number);
      index[k] = 0;
    }
  }
  return new Uint8Array(to.buffer);
}
