import { fail, ok, type Result, type Source } from "../diagnostics/diagnostic.ts";
import { check } from "../model/check.ts";
import type { Program } from "../model/model.ts";
import { load } from "../syntax/load.ts";
import { importReader } from "./imports.ts";
import { readSpec } from "./read.ts";

export interface LoadedProgram {
  readonly source: Source;
  readonly program: Program;
}

/** A spec file and all that it imports, read and checked. */
export function loadProgram(file: string, root: string | null): Result<LoadedProgram> {
  const source = readSpec(file);
  if (!source.ok) return source;
  const files = load(source.value, importReader(file, root));
  if (!files.ok) return files;
  const program = check(files.value);
  const warnings = [...source.diagnostics, ...files.diagnostics, ...program.diagnostics];
  return program.ok ? ok({ source: source.value, program: program.value }, warnings) : fail(...warnings);
}
