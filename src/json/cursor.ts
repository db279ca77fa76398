import type { Diagnostic, FilePlace } from "../diagnostics/diagnostic.ts";

/** What can be wrong with JSON, in the words of who reads it. */
export interface Complaints {
  readonly syntax: (place: FilePlace, expected: string) => Diagnostic;
  readonly utf8: (place: FilePlace) => Diagnostic;
  readonly surrogate: (place: FilePlace) => Diagnostic;
  readonly depth: (place: FilePlace, most: number) => Diagnostic;
  readonly integer: (place: FilePlace, token: string) => Diagnostic;
  readonly twice: (place: FilePlace, key: string) => Diagnostic;
  readonly keys: (place: FilePlace, most: number) => Diagnostic;
}

/**
 * A strict reader of JSON from bytes. `JSON.parse` will not do for a file from a stranger: it keeps the last of two
 * equal keys, takes `4e0` for an integer, rounds 2^53 + 1, accepts lone surrogates and any depth, and knows no offsets.
 *
 * The first failure is kept and moves the cursor to the end, so that every loop over it ends by itself; values read
 * after that are meaningless, and whoever holds the cursor looks at `failure` before using any.
 */
export interface Cursor {
  readonly file: string;
  readonly complaints: Complaints;
  /** Keys that one object may have: what keeps a hostile one from filling the memory. */
  readonly maxKeys: number;
  readonly bytes: Uint8Array;
  /** File offset of `bytes[0]`. */
  readonly base: number;
  at: number;
  failure: Diagnostic | null;
}

export const maxDepth = 32;
const maxDigits = 64;

export const placeOf = (cursor: Cursor, at: number): FilePlace => ({
  file: cursor.file,
  offset: cursor.base + Math.max(0, Math.min(at, cursor.bytes.length - 1)),
});

export function stop(cursor: Cursor, failure: Diagnostic): void {
  cursor.failure ??= failure;
  cursor.at = cursor.bytes.length;
}

export const expected = (cursor: Cursor, what: string): void =>
  stop(cursor, cursor.complaints.syntax(placeOf(cursor, cursor.at), what));

const code = (character: string): number => character.charCodeAt(0);
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Bytes of plain ASCII as text; a few are joined faster than passed as so many arguments. */
function ascii(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > 32) return String.fromCharCode(...bytes.subarray(from, to));
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}

/** The next byte that is not blank, as a character; "" at the end. Nothing is consumed but blanks. */
export function peek(cursor: Cursor): string {
  while (isBlank(cursor.bytes[cursor.at])) cursor.at++;
  const byte = cursor.bytes[cursor.at];
  return byte === undefined ? "" : String.fromCharCode(byte);
}

function take(cursor: Cursor, character: string, what: string): boolean {
  if (peek(cursor) !== character) {
    expected(cursor, what);
    return false;
  }
  cursor.at++;
  return true;
}

/** Only blanks may be left. */
export function readEnd(cursor: Cursor): void {
  if (peek(cursor) !== "") expected(cursor, "nothing after its end");
}

/** An object; `field` must consume the value. A key that stands twice, however it is escaped, is an error. */
export function readObject(cursor: Cursor, field: (key: string, at: number) => void): void {
  if (!take(cursor, "{", "an object")) return;
  if (peek(cursor) === "}") {
    cursor.at++;
    return;
  }
  const seen = new Set<string>();
  do {
    peek(cursor);
    const at = cursor.at;
    const key = readString(cursor, "a key in double quotes");
    if (seen.has(key)) stop(cursor, cursor.complaints.twice(placeOf(cursor, at), key));
    if (seen.size === cursor.maxKeys) stop(cursor, cursor.complaints.keys(placeOf(cursor, at), cursor.maxKeys));
    seen.add(key);
    if (cursor.failure === null && take(cursor, ":", "a colon")) field(key, at);
  } while (separator(cursor, "}"));
}

/** An array; `item` must consume one value. */
export function readArray(cursor: Cursor, item: (index: number) => void): void {
  if (!take(cursor, "[", "an array")) return;
  if (peek(cursor) === "]") {
    cursor.at++;
    return;
  }
  let index = 0;
  do item(index++);
  while (separator(cursor, "]"));
}

/** Past a comma, true; past the closing bracket or at a failure, false. */
function separator(cursor: Cursor, close: "}" | "]"): boolean {
  if (cursor.failure !== null) return false;
  const next = peek(cursor);
  if (next !== "," && next !== close) {
    expected(cursor, `a comma or '${close}'`);
    return false;
  }
  cursor.at++;
  return next === ",";
}

/** A whole number from 0, written with digits only; Infinity for one above 2^53 - 1, which a number cannot hold. */
export function readInteger(cursor: Cursor): number {
  peek(cursor);
  const at = cursor.at;
  const token = readNumber(cursor);
  if (cursor.failure !== null) return 0;
  if (!/^(0|[1-9]\d*)$/.test(token)) {
    stop(cursor, cursor.complaints.integer(placeOf(cursor, at), token));
    return 0;
  }
  const value = Number(token);
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

const isOfNumber = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x30 && byte <= 0x39) || "+-.eE".includes(String.fromCharCode(byte)));

/** The text of a number. */
export function readNumber(cursor: Cursor): string {
  const start = cursor.at;
  let end = start;
  while (end - start <= maxDigits && isOfNumber(cursor.bytes[end])) end++;
  const token = ascii(cursor.bytes, start, end);
  if (token.length > maxDigits || !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(token)) expected(cursor, "a number");
  else cursor.at = end;
  return token;
}

/** Any value, checked and forgotten. */
export function skipValue(cursor: Cursor, depth = 0): void {
  const next = peek(cursor);
  if (depth > maxDepth) stop(cursor, cursor.complaints.depth(placeOf(cursor, cursor.at), maxDepth));
  else if (next === "{") readObject(cursor, () => skipValue(cursor, depth + 1));
  else if (next === "[") readArray(cursor, () => skipValue(cursor, depth + 1));
  else if (next === '"') readString(cursor, "text");
  else if (/[-0-9]/.test(next)) readNumber(cursor);
  else readWord(cursor, next);
}

const words: Readonly<Record<string, readonly [word: string, value: boolean | null]>> = {
  t: ["true", true],
  f: ["false", false],
  n: ["null", null],
};

/** What `true`, `false` or `null` means, whichever begins with `first`. */
export function readWord(cursor: Cursor, first: string): boolean | null {
  const [word, value] = words[first] ?? ["", null];
  const found = String.fromCharCode(...cursor.bytes.subarray(cursor.at, cursor.at + word.length));
  if (word !== "" && word === found) cursor.at += word.length;
  else expected(cursor, "a value");
  return value;
}

const escapes = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }),
);

/** A string of valid Unicode in valid UTF-8. */
export function readString(cursor: Cursor, what: string): string {
  if (!take(cursor, '"', what)) return "";
  const { bytes } = cursor;
  const whole = plainEnd(bytes, cursor.at);
  if (bytes[whole] === quote) {
    const text = ascii(bytes, cursor.at, whole);
    cursor.at = whole + 1;
    return text;
  }
  let text = "";
  // Joined now and then: a string grown by single characters takes 32 bytes for each of them.
  let pieces: string[] = [];
  while (cursor.failure === null) {
    const start = cursor.at;
    const end = plainEnd(bytes, start);
    if (end > start) pieces.push(ascii(bytes, start, end));
    cursor.at = end;
    const byte = bytes[end];
    if (byte === code("\\")) pieces.push(readEscape(cursor));
    else if (byte !== undefined && byte >= 0x80) pieces.push(readUtf8(cursor));
    else if (byte !== quote && !isPlain(byte)) expected(cursor, "the string's closing quote");
    if (byte === quote || pieces.length >= 4096) {
      text += pieces.join("");
      pieces = [];
    }
    if (byte === quote) {
      cursor.at++;
      return text;
    }
  }
  return "";
}

const quote = code('"');
const longestPiece = 4096;

/** Where a run of plain characters ends, or is long enough. */
function plainEnd(bytes: Uint8Array, from: number): number {
  let end = from;
  while (isPlain(bytes[end]) && end - from < longestPiece) end++;
  return end;
}

const isPlain = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c;

function readEscape(cursor: Cursor): string {
  const letter = String.fromCharCode(cursor.bytes[cursor.at + 1] ?? 0);
  const plain = escapes.get(letter);
  if (plain !== undefined) {
    cursor.at += 2;
    return plain;
  }
  const first = hexUnit(cursor, cursor.at);
  if (first === null) {
    expected(cursor, "an escape of JSON");
    return "";
  }
  if (first < 0xd800 || first > 0xdfff) {
    cursor.at += 6;
    return String.fromCharCode(first);
  }
  const second = hexUnit(cursor, cursor.at + 6);
  if (first > 0xdbff || second === null || second < 0xdc00 || second > 0xdfff) {
    stop(cursor, cursor.complaints.surrogate(placeOf(cursor, cursor.at)));
    return "";
  }
  cursor.at += 12;
  return String.fromCharCode(first, second);
}

/** The code unit of `\uXXXX` at `at`, or null. */
function hexUnit({ bytes }: Cursor, at: number): number | null {
  const token = String.fromCharCode(...bytes.subarray(at, at + 6));
  return /^\\u[0-9a-fA-F]{4}$/.test(token) ? Number.parseInt(token.slice(2), 16) : null;
}

/** For each length: the first bytes that announce it, and the least code point it may be used for (Unicode table 3-7). */
const utf8Forms = [
  { from: 0xc2, to: 0xdf, length: 2, least: 0x80 },
  { from: 0xe0, to: 0xef, length: 3, least: 0x800 },
  { from: 0xf0, to: 0xf4, length: 4, least: 0x10000 },
] as const;

function readUtf8(cursor: Cursor): string {
  const { bytes, at } = cursor;
  const first = bytes[at] ?? 0;
  const form = utf8Forms.find(({ from, to }) => first >= from && first <= to);
  let point = form === undefined ? -1 : first & (0x7f >> form.length);
  for (let k = 1; form !== undefined && k < form.length && point >= 0; k++) {
    const byte = bytes[at + k] ?? 0;
    point = (byte & 0xc0) === 0x80 ? point * 64 + (byte & 63) : -1;
  }
  if (form === undefined || point < form.least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    stop(cursor, cursor.complaints.utf8(placeOf(cursor, at)));
    return "";
  }
  cursor.at += form.length;
  return String.fromCodePoint(point);
}
