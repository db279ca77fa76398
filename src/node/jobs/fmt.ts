import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { formatSpec } from "../../syntax/format.ts";
import { readSpec } from "../files/read.ts";

export interface Formatted {
  readonly file: string;
  readonly result: Result<{ readonly before: string; readonly after: string }>;
}

/** Specs as they are and as they should be laid out. Their imports are not looked at. */
export const fmt = (files: readonly string[], stdin: Uint8Array | null): readonly Formatted[] =>
  files.map(file => {
    const source = readSpec(file, stdin);
    if (!source.ok) return { file, result: source };
    const formatted = formatSpec(source.value);
    if (!formatted.ok) return { file, result: formatted };
    return { file, result: ok({ before: source.value.text, after: formatted.value }, formatted.diagnostics) };
  });
