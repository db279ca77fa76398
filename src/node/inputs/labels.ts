import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { labelsIn } from "../../model/labels.ts";
import { limits } from "../../syntax/limits.ts";
import { readFileWithin } from "../files/read.ts";

/** Names of a model's classes out of a file: lines, or JSON in one of several forms; as many as there are classes. */
export function readLabels(
  file: string,
  { name, classes }: { readonly name: string; readonly classes: number },
): Result<readonly string[]> {
  const place = { file, offset: null };
  const bytes = readFileWithin(file, limits.labelBytes, size =>
    error("labels-unreadable", place, `${size} bytes, more than ${limits.labelBytes}`),
  );
  if (!bytes.ok) return bytes;
  const text = decodeText(bytes.value);
  if (text === null) return fail(error("labels-unreadable", place, "they are not UTF-8"));
  const found = labelsIn(text);
  if ("problem" in found) return fail(error("labels-unreadable", place, found.problem));
  const { labels } = found;
  return labels.length === classes ? ok(labels) : fail(error("labels-count", place, labels.length, name, classes));
}

/** The text of a file in UTF-8, or null where it is none. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
