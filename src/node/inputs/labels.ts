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
  const text = decodeUtf8(bytes.value);
  if (text === null) return fail(error("labels-unreadable", place, "they are not UTF-8"));
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const found = text === "" ? 0 : lines.length;
  return found === classes ? ok(lines) : fail(error("labels-count", place, found, name, classes));
}

/** Less a byte-order mark; null where it is none. */
function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
