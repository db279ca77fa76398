import { fail, ok, type Result, type Source } from "../../diagnostics/diagnostic.ts";
import { check } from "../../model/check.ts";
import type { Program } from "../../model/model.ts";
import type { Ast } from "../../syntax/ast.ts";
import { load } from "../../syntax/load.ts";
import { readSpec } from "../files/read.ts";
import { importReader } from "./import-reader.ts";

export interface LoadedProgram {
  readonly source: Source;
  /** The spec and all it imports. */
  readonly files: readonly Ast[];
  readonly program: Program;
}

/** A spec file and all that it imports, read and checked; `stdin` is what the file `-` holds. */
export function loadProgram(file: string, root: string | null, stdin: Uint8Array | null): Result<LoadedProgram> {
  const source = readSpec(file, stdin);
  if (!source.ok) return source;
  const files = load(source.value, importReader(file, root));
  if (!files.ok) return files;
  const program = check(files.value);
  const warnings = [...source.diagnostics, ...files.diagnostics, ...program.diagnostics];
  return program.ok
    ? ok({ source: source.value, files: files.value, program: program.value }, warnings)
    : fail(...warnings);
}
