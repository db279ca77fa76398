import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { formatSpec } from "../../syntax/format.ts";
import { readSpec } from "../read.ts";

/** A spec as it is and as it should be laid out. Its imports are not looked at. */
export function fmt(file: string): Result<{ readonly before: string; readonly after: string }> {
  const source = readSpec(file);
  if (!source.ok) return source;
  const formatted = formatSpec(source.value);
  return formatted.ok ? ok({ before: source.value.text, after: formatted.value }, formatted.diagnostics) : formatted;
}
