import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { readFileWithin } from "../files/read.ts";

const maxBytes = 64 * 1024 * 1024;

/** Names of a model's classes out of a UTF-8 file, one a line, in the order of the classes; as many as there are. */
export function readLabels(
  file: string,
  { name, classes }: { readonly name: string; readonly classes: number },
): Result<readonly string[]> {
  const place = { file, offset: null };
  const bytes = readFileWithin(file, maxBytes, size =>
    error("labels-unreadable", place, `${size} bytes, more than ${maxBytes}`),
  );
  if (!bytes.ok) return bytes;
  // Counted before they are made: there may be a million times too many.
  const counted = countLines(bytes.value);
  if (counted !== classes) return fail(error("labels-count", place, counted, name, classes));
  const text = decodeUtf8(bytes.value);
  if (text === null) return fail(error("labels-unreadable", place, "they are not UTF-8"));
  return ok(text.replace(/\r?\n$/, "").split(/\r?\n/));
}

/** The last one need not end; a byte-order mark is none. */
function countLines(bytes: Uint8Array): number {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let count = 0;
  for (const byte of bytes) if (byte === newline) count++;
  return bytes.length === (marked ? 3 : 0) || bytes.at(-1) === newline ? count : count + 1;
}

const newline = 10;

/** Less a byte-order mark; null where it is none. */
function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
