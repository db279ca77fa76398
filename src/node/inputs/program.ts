import { type Analysis, analyse } from "../../compile.ts";
import { fail, ok, type Result, type Source } from "../../diagnostics/diagnostic.ts";
import { readSpec } from "../files/read.ts";
import { importReader } from "./import-reader.ts";

export interface LoadedProgram extends Analysis {
  readonly source: Source;
}

/** A spec file and all that it imports, read and checked; `stdin` is what the file `-` holds. */
export function loadProgram(file: string, root: string | null, stdin: Uint8Array | null): Result<LoadedProgram> {
  const source = readSpec(file, stdin);
  if (!source.ok) return source;
  const analysed = analyse(source.value, importReader(file, root));
  const diagnostics = [...source.diagnostics, ...analysed.diagnostics];
  return analysed.ok ? ok({ source: source.value, ...analysed.value }, diagnostics) : fail(...diagnostics);
}
