import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { dtypeBytes } from "../dtype.ts";
import { eachPiece, pieceBytes } from "../pieces.ts";
import { elements, type TensorData, type TensorFile } from "../tensor.ts";
import { checkLayout, type HeaderEntry, readHeader } from "./header.ts";
import { sniff } from "./sniff.ts";
import type { ByteSource } from "./source.ts";
import { utf8 } from "./utf8.ts";

/** Bytes a header may have, as in the reference implementation. */
export const maxHeader = 100_000_000;

/**
 * Opens a safetensors file: 8 bytes of header length, little-endian, the header in JSON, the data. Reads the header
 * and nothing else; data are read tensor by tensor. Stricter than the reference where that lets two readers see two
 * different files, or one be flooded: escaped duplicate keys, more than 8 dimensions, more than 65,536 tensors.
 * Rejects only where the source does.
 */
export async function readSafetensors(source: ByteSource): Promise<Result<TensorFile>> {
  const { name: file, size } = source;
  if (size === 0) return fail(error("weights-empty", { file, offset: null }));
  const start = await source.read(0, Math.min(size, 64));
  const length = headerLength(start);
  const place = { file, offset: 0 };
  if (length < 2n || length > BigInt(maxHeader)) {
    // No text and no archive begins like a plausible length: one of the upper four bytes is set.
    const lookalike = sniff(start);
    if (lookalike !== null) return fail(withNote(error("weights-format", place, lookalike.what), lookalike.hint));
    if (length > BigInt(maxHeader) && !/^[\s{]/.test(String.fromCharCode(start[8] ?? 0)))
      return fail(error("weights-unknown-format", place));
    if (size >= 8) return fail(error("weights-header-length", place, length, maxHeader));
  }
  if (size < 8 || 8 + Number(length) > size)
    return fail(error("weights-truncated", place, size < 8 ? 8 : 8 + Number(length), size));
  const dataAt = 8 + Number(length);
  const header = readHeader(file, await source.read(8, Number(length)), 8);
  if (!header.ok) return header;
  const wrong = checkLayout(file, header.value, dataAt, size);
  if (wrong.length > 0) return fail(...wrong);
  return ok(tensorFile(source, header.value.entries, header.value.metadata, dataAt), header.diagnostics);
}

/** The little-endian 64-bit length; as a BigInt, since a Number would round it. 0 where there are no 8 bytes. */
function headerLength(start: Uint8Array): bigint {
  let length = 0n;
  for (let i = 7; i >= 0; i--) length = length * 256n + BigInt(start[i] ?? 0);
  return length;
}

function tensorFile(
  source: ByteSource,
  entries: readonly HeaderEntry[],
  metadata: ReadonlyMap<string, string>,
  dataAt: number,
): TensorFile {
  const byName = new Map(entries.map(entry => [entry.name, entry]));
  const entryOf = (name: string): HeaderEntry => {
    const entry = byName.get(name);
    invariant(entry !== undefined, `no tensor '${name}' in ${source.name}`);
    return entry;
  };
  const tensors = entries.map(({ name, dtype, shape, begin, at }) => {
    const place = { file: source.name, offset: at };
    return [name, { name, dtype, shape, place, dataAt: dataAt + begin }] as const;
  });
  return {
    name: source.name,
    tensors: new Map(tensors),
    metadata,
    bytes: async name => {
      const { begin, end } = entryOf(name);
      return source.read(dataAt + begin, end - begin);
    },
    range: (name, from, length) => source.read(dataAt + entryOf(name).begin + from, length),
    parts: async function* (name) {
      const { begin, end } = entryOf(name);
      for (let at = begin; at < end; at += pieceBytes)
        yield await source.read(dataAt + at, Math.min(pieceBytes, end - at));
    },
  };
}

/** A float32 tensor to be written. */
export const f32Tensor = (
  name: string,
  shape: readonly number[],
  values: () => Float32Array | Promise<Float32Array>,
): TensorData => ({
  name,
  shape,
  dtype: "F32",
  bytes: async () => {
    const { buffer, byteOffset, byteLength } = await values();
    return new Uint8Array(buffer, byteOffset, byteLength);
  },
});

const codePoints = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * A safetensors file in pieces, header first, then the tensors in turn: at no time are two in memory. The bytes depend
 * on the arguments' contents only, not on their order: wider elements first, then by name, which also aligns every
 * tensor to its element; metadata by key. The header is padded with blanks so that the data begin at a multiple of 8.
 */
export async function* writeSafetensors(
  tensors: Iterable<TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array> {
  const sorted = [...tensors].sort((a, b) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype] || codePoints(a.name, b.name));
  let at = 0;
  const rows = sorted.map(({ name, dtype, shape }) => {
    invariant(name !== "__metadata__", "a tensor cannot be named __metadata__");
    const begin = at;
    at += elements(shape) * dtypeBytes[dtype];
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, at] })}`;
  });
  invariant(new Set(sorted.map(({ name }) => name)).size === sorted.length, "two tensors of one name");
  const pairs = Object.entries(metadata).sort(([a], [b]) => codePoints(a, b));
  if (pairs.length > 0) {
    const texts = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    rows.unshift(`"__metadata__":{${texts.join(",")}}`);
  }
  const json = utf8(`{${rows.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  yield head;
  for (const { name, dtype, shape, bytes } of sorted) {
    let size = 0;
    for await (const piece of eachPiece(await bytes())) {
      size += piece.length;
      yield piece;
    }
    invariant(size === elements(shape) * dtypeBytes[dtype], `tensor '${name}' has ${size} bytes`);
  }
}
