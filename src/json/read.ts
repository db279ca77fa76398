import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { quoted } from "../diagnostics/messages/quoted.ts";
import {
  type Complaints,
  type Cursor,
  expected,
  maxDepth,
  peek,
  placeOf,
  readArray,
  readEnd,
  readNumber,
  readObject,
  readString,
  readWord,
  stop,
} from "./cursor.ts";
import type { Shape } from "./shape.ts";

/** What a file of JSON may hold at most. */
export interface JsonLimits {
  readonly bytes: number;
  /** Objects, lists, texts, numbers and words together. */
  readonly values: number;
}

/** For files that are written by hand or hold a few facts. */
export const smallJson: JsonLimits = { bytes: 2 ** 20, values: 2 ** 17 };

/** A long list in a file, whose items are looked at one by one while they are read: the first that does not fit ends it. */
export interface JsonRows {
  /** Of the list, in the outermost object or in one within it. */
  readonly key: string;
  readonly most: number;
  /** Values of one item; they do not count among those of the file. */
  readonly values: number;
  readonly shape: Shape;
}

/** A file whose name is for diagnostics; `wrong` makes them, from half a sentence such as `it is not valid UTF-8`. */
export interface JsonFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly limits: JsonLimits;
  readonly wrong: (place: FilePlace, why: string) => Diagnostic;
  readonly rows?: JsonRows;
}

/**
 * The value of a file of JSON from a stranger; the only way by which one is read. Depth, bytes and number of values are
 * limited, no key stands twice, none is `__proto__`, text is valid Unicode in valid UTF-8 (after a byte-order mark, if
 * there is one), and numbers are finite. What the value is for is its reader's to check.
 */
export function readJson({ file, bytes, limits, wrong, rows }: JsonFile): Result<unknown> {
  if (bytes.length > limits.bytes) {
    const why = `it has ${bytes.length} bytes, more than ${limits.bytes}`;
    return fail(wrong({ file, offset: null }, why));
  }
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const complaints = complaintsOf(wrong);
  const cursor: Cursor = { file, complaints, maxKeys: limits.values, bytes, base: 0, at: mark, failure: null };
  const budget = { left: limits.values, most: limits.values, wrong, rows: rows ?? null };
  const value = readValue(cursor, budget, 0);
  if (cursor.failure === null) readEnd(cursor);
  return cursor.failure === null ? ok(value) : fail(cursor.failure);
}

const complaintsOf = (wrong: JsonFile["wrong"]): Complaints => ({
  syntax: (place, what) => wrong(place, `expected ${what}`),
  utf8: place => wrong(place, "it is not valid UTF-8"),
  surrogate: place => wrong(place, "it has half of a surrogate pair, which is no character"),
  depth: (place, most) => wrong(place, `it is nested more than ${most} levels deep`),
  integer: place => wrong(place, "expected a whole number"),
  twice: (place, key) => wrong(place, `the key ${quoted(key)} stands twice in one object`),
  keys: (place, most) => wrong(place, `an object has more than ${most} keys`),
});

interface Budget extends Pick<JsonFile, "wrong"> {
  left: number;
  readonly most: number;
  readonly rows: JsonRows | null;
}

/** A value that means something only where the cursor has not failed. */
function readValue(cursor: Cursor, budget: Budget, depth: number): unknown {
  const next = peek(cursor);
  const place = placeOf(cursor, cursor.at);
  if (depth > maxDepth) return stop(cursor, cursor.complaints.depth(place, maxDepth));
  if (budget.left-- === 0) return stop(cursor, budget.wrong(place, `it has more than ${budget.most} values`));
  if (next === "{") return readFields(cursor, budget, depth);
  if (next === "[") {
    const items: unknown[] = [];
    readArray(cursor, () => items.push(readValue(cursor, budget, depth + 1)));
    return items;
  }
  if (next === '"') return readString(cursor, "text");
  return /[-0-9]/.test(next) ? readFinite(cursor) : readWord(cursor, next);
}

function readFields(cursor: Cursor, budget: Budget, depth: number): object {
  const fields: Record<string, unknown> = {};
  readObject(cursor, (key, at) => {
    // Assigned, it would replace what the object inherits from.
    if (key === "__proto__") stop(cursor, budget.wrong(placeOf(cursor, at), "'__proto__' is no key of data"));
    else if (budget.rows?.key === key && depth < 2) fields[key] = readRows(cursor, budget, budget.rows, depth + 1);
    else fields[key] = readValue(cursor, budget, depth + 1);
  });
  return fields;
}

function readRows(cursor: Cursor, { wrong }: Budget, rows: JsonRows, depth: number): unknown {
  const { key, most, values, shape } = rows;
  const place = placeOf(cursor, cursor.at);
  if (peek(cursor) !== "[") return stop(cursor, wrong(place, `'${key}' must be a list`));
  const items: unknown[] = [];
  readArray(cursor, () => {
    const at = placeOf(cursor, cursor.at);
    const item = readValue(cursor, { left: values, most: values, wrong, rows: null }, depth + 1);
    if (cursor.failure !== null) return;
    const where = `${key}[${items.length}]`;
    const misfit = items.length === most ? { where: key, wanted: `a list of 0 to ${most}` } : shape(item, where);
    if (misfit !== null) stop(cursor, wrong(at, `${quoted(misfit.where)} must be ${misfit.wanted}`));
    items.push(item);
  });
  return items;
}

function readFinite(cursor: Cursor): number {
  const { at } = cursor;
  const value = Number(readNumber(cursor));
  if (cursor.failure === null && !Number.isFinite(value)) {
    cursor.at = at;
    expected(cursor, "a number that is finite");
  }
  return value;
}
