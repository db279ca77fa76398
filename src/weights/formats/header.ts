import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { quoted } from "../../diagnostics/messages/quoted.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import {
  type Cursor,
  peek,
  placeOf,
  readArray,
  readEnd,
  readInteger,
  readObject,
  readString,
  skipValue,
  stop,
} from "../../json/cursor.ts";
import { dtypeBytes, type FileDType, isFileDType } from "../dtype.ts";
import { weightsJson } from "./json.ts";

/** One tensor as a safetensors header states it; `begin` and `end` count bytes from the end of the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
  /** File offset of the key, for diagnostics. */
  readonly at: number;
}

export interface Header {
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

export const maxTensors = 65_536;
export const maxRank = 8;

/**
 * The JSON of a safetensors header, `bytes` being just it, standing at file offset `base`. Checks everything that can
 * be told of one tensor alone: syntax, types, size against shape. How tensors lie together is `checkLayout`'s.
 */
export function readHeader(file: string, bytes: Uint8Array, base: number): Result<Header> {
  const cursor: Cursor = { file, ...weightsJson("header"), bytes, base, at: 0, failure: null };
  const entries: HeaderEntry[] = [];
  const metadata = new Map<string, string>();
  const unknown: UnknownField[] = [];
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    stop(cursor, error("weights-header-bom", placeOf(cursor, 0)));
  readObject(cursor, (name, at) => {
    if (name === "__metadata__") readMetadata(cursor, metadata);
    else if (entries.length === maxTensors)
      stop(cursor, error("weights-limit-tensors", placeOf(cursor, at), maxTensors));
    else readEntry(cursor, name, at, entries, unknown);
  });
  if (cursor.failure === null) readEnd(cursor);
  return cursor.failure === null ? ok({ entries, metadata }, ignored(unknown)) : fail(cursor.failure);
}

interface UnknownField {
  readonly tensor: string;
  readonly field: string;
  readonly place: Diagnostic["place"];
}

/** One warning for all of them: there may be a million. */
const ignored = ([first, ...more]: readonly UnknownField[]): readonly Diagnostic[] =>
  first === undefined ? [] : [warning("weights-unknown-field", first.place, first.tensor, first.field, more.length)];

function readMetadata(cursor: Cursor, metadata: Map<string, string>): void {
  readObject(cursor, key => {
    metadata.set(key, readString(cursor, "text, as all metadata"));
  });
}

/** What has been read of a tensor so far. */
interface Draft {
  readonly name: string;
  dtype?: FileDType;
  shape?: readonly number[];
  offsets?: readonly [begin: number, end: number];
}

const fields: ReadonlyMap<string, (cursor: Cursor, draft: Draft) => void> = new Map([
  ["dtype", readDType],
  ["shape", readShape],
  ["data_offsets", readOffsets],
]);

function readEntry(cursor: Cursor, name: string, at: number, entries: HeaderEntry[], unknown: UnknownField[]): void {
  const draft: Draft = { name };
  readObject(cursor, (field, fieldAt) => {
    const read = fields.get(field);
    if (read === undefined) {
      unknown.push({ tensor: name, field, place: placeOf(cursor, fieldAt) });
      skipValue(cursor);
    } else read(cursor, draft);
  });
  if (cursor.failure !== null) return;
  const { dtype, shape, offsets } = draft;
  const place = placeOf(cursor, at);
  if (dtype === undefined) stop(cursor, error("weights-header-field", place, name, "dtype"));
  else if (shape === undefined) stop(cursor, error("weights-header-field", place, name, "shape"));
  else if (offsets === undefined) stop(cursor, error("weights-header-field", place, name, "data_offsets"));
  else {
    const [begin, end] = offsets;
    const needed = shape.reduce((product, size) => product * BigInt(size), BigInt(dtypeBytes[dtype]));
    if (begin > end) stop(cursor, error("weights-offset-order", place, name, begin, end));
    else if (needed !== BigInt(end - begin))
      stop(cursor, error("weights-size", place, name, dtype, shape, needed, end - begin));
    else entries.push({ name, dtype, shape, begin, end, at: cursor.base + at });
  }
}

function readDType(cursor: Cursor, draft: Draft): void {
  peek(cursor);
  const at = cursor.at;
  const text = readString(cursor, "text");
  if (cursor.failure !== null) return;
  if (isFileDType(text)) draft.dtype = text;
  else stop(cursor, error("weights-dtype", placeOf(cursor, at), draft.name, text, Object.keys(dtypeBytes)));
}

function readShape(cursor: Cursor, draft: Draft): void {
  const shape: number[] = [];
  readArray(cursor, index => {
    peek(cursor);
    const place = placeOf(cursor, cursor.at);
    if (index === maxRank) stop(cursor, error("weights-limit-rank", place, draft.name, maxRank));
    const size = index < maxRank ? readInteger(cursor) : 0;
    if (size === Number.POSITIVE_INFINITY) stop(cursor, error("weights-shape-range", place, draft.name));
    shape.push(size);
  });
  draft.shape = shape;
}

function readOffsets(cursor: Cursor, draft: Draft): void {
  const offsets: number[] = [];
  peek(cursor);
  const place = placeOf(cursor, cursor.at);
  readArray(cursor, index => {
    if (index === 2) stop(cursor, error("weights-header-offsets", place, draft.name));
    const offset = readInteger(cursor);
    if (offset === Number.POSITIVE_INFINITY) stop(cursor, error("weights-offset-range", place, draft.name));
    offsets.push(offset);
  });
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined) stop(cursor, error("weights-header-offsets", place, draft.name));
  else draft.offsets = [begin, end];
}

/**
 * Tensors must fill the data area without overlap, gap or rest, in whatever order the header names them; a tensor
 * without data may stand on any boundary. `dataAt` and `size` are the file offset of the data and the file's size.
 */
export function checkLayout(file: string, header: Header, dataAt: number, size: number): readonly Diagnostic[] {
  const sorted = header.entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  const found = size - dataAt;
  let before: HeaderEntry | null = null;
  for (const entry of sorted) {
    const place = { file, offset: entry.at };
    const filled: number = before?.end ?? 0;
    if (entry.begin > filled) return [error("weights-gap", place, entry.name, entry.begin - filled)];
    if (before !== null && entry.begin < filled) {
      const overlap = error("weights-overlap", place, entry.name, before.name);
      return [withNote(overlap, `${quoted(before.name)} is declared here`, { file, offset: before.at })];
    }
    if (entry.end > found)
      return [error("weights-tensor-truncated", place, entry.name, dataAt + (sorted.at(-1)?.end ?? 0), size)];
    before = entry;
  }
  const filled = before?.end ?? 0;
  return filled < found ? [error("weights-trailing", { file, offset: dataAt + filled }, found - filled)] : [];
}
