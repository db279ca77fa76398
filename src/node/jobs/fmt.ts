import { fail, ok, type Result, type Source } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { decodeSpec } from "../../syntax/decode.ts";
import { formatSpec } from "../../syntax/format.ts";
import { load } from "../../syntax/load.ts";
import { parse } from "../../syntax/parse.ts";
import { readSpec } from "../files/read.ts";
import { importReader } from "../inputs/import-reader.ts";

export interface Formatted {
  readonly file: string;
  readonly result: Result<{ readonly before: string; readonly after: string }>;
}

/** Specs as they are and as they should be laid out. Imports are looked at only to see that they still fit beside it. */
export const fmt = (files: readonly string[], stdin: Uint8Array | null): readonly Formatted[] =>
  files.map(file => {
    const source = readSpec(file, stdin);
    if (!source.ok) return { file, result: source };
    const formatted = formatSpec(source.value);
    if (!formatted.ok) return { file, result: formatted };
    const [before, after] = [source.value.text, formatted.value];
    const readable = before === after ? ok(null) : staysReadable(source.value, after, file);
    return { file, result: readable.ok ? ok({ before, after }, formatted.diagnostics) : readable };
  });

/** Blanks and signs count for the limits of a spec: what is within them as it is written may not be as it is laid out. */
function staysReadable(source: Source, after: string, file: string): Result<null> {
  const decoded = decodeSpec(new TextEncoder().encode(after), source.name);
  const read = (text: Source): Result<unknown> => {
    const whole = load(source, importReader(file, null));
    return whole.ok ? load(text, importReader(file, null)) : parse(text);
  };
  const readable = decoded.ok ? read(decoded.value) : decoded;
  if (readable.ok) return ok(null);
  const why = readable.diagnostics[0]?.message ?? "";
  return fail(error("format-too-large", { file, offset: null }, why));
}
