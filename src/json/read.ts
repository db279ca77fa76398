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

/** What a file of JSON may hold at most. */
export interface JsonLimits {
  readonly bytes: number;
  /** Objects, lists, texts, numbers and words together. */
  readonly values: number;
}

/** For files that are written by hand or hold a few facts. */
export const smallJson: JsonLimits = { bytes: 2 ** 20, values: 2 ** 17 };

/** A file whose name is for diagnostics; `wrong` makes them, from half a sentence such as `it is not valid UTF-8`. */
export interface JsonFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly limits: JsonLimits;
  readonly wrong: (place: FilePlace, why: string) => Diagnostic;
}

/**
 * The value of a file of JSON from a stranger; the only way by which one is read. Depth, bytes and number of values are
 * limited, no key stands twice, none is `__proto__`, text is valid Unicode in valid UTF-8 (after a byte-order mark, if
 * there is one), and numbers are finite. What the value is for is its reader's to check.
 */
export function readJson({ file, bytes, limits, wrong }: JsonFile): Result<unknown> {
  if (bytes.length > limits.bytes) {
    const why = `it has ${bytes.length} bytes, more than ${limits.bytes}`;
    return fail(wrong({ file, offset: null }, why));
  }
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const complaints = complaintsOf(wrong);
  const cursor: Cursor = { file, complaints, maxKeys: limits.values, bytes, base: 0, at: mark, failure: null };
  const budget = { left: limits.values, most: limits.values, wrong };
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
    else fields[key] = readValue(cursor, budget, depth + 1);
  });
  return fields;
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
