import { type Diagnostic, fail, ok, type Result, type Source } from "../../src/diagnostics/diagnostic.ts";
import { formatDiagnostics } from "../../src/diagnostics/format.ts";
import { error } from "../../src/diagnostics/messages.ts";
import { check } from "../../src/model/check.ts";
import type { Program } from "../../src/model/model.ts";
import { specifierProblem } from "../../src/node/inputs/import-reader.ts";
import type { Ast } from "../../src/syntax/ast.ts";
import { decodeSpec } from "../../src/syntax/decode.ts";
import { load, type ReadImport } from "../../src/syntax/load.ts";

/** Files by path, as if the folder of the main one were all there is. */
export type Files = ReadonlyMap<string, Uint8Array>;

export const filesOf = (texts: Readonly<Record<string, string | Uint8Array>>): Files =>
  new Map(
    Object.entries(texts).map(([name, text]) => [
      name,
      typeof text === "string" ? new TextEncoder().encode(text) : text,
    ]),
  );

/** Reads imports from these files; `asked` is every path that was read. */
export function memoryReader(files: Files, asked: string[] = []): ReadImport {
  return (specifier, from, what) => {
    const noun = what === "spec" ? "import" : "file of labels";
    const problem = specifierProblem(specifier);
    if (problem !== null) return fail(error("import-path", from, "an import names", problem));
    const parts: string[] = from.source.name.split("/").slice(0, -1);
    for (const part of specifier.split("/")) {
      if (part === "..") {
        if (parts.pop() === undefined) return fail(error("import-outside", from, "import", specifier));
      } else if (part !== ".") parts.push(part);
    }
    const name = parts.join("/");
    const bytes = files.get(name);
    if (bytes === undefined) return fail(error("import-unreadable", from, noun, specifier, "there is no such file"));
    asked.push(name);
    if (what === "labels") return ok({ name, text: new TextDecoder().decode(bytes) });
    return decodeSpec(bytes, name);
  };
}

export function loadFiles(files: Files, main = "input.cnx", asked: string[] = []): Result<readonly Ast[]> {
  const source = decodeSpec(files.get(main) ?? new Uint8Array(), main);
  return source.ok ? load(source.value, memoryReader(files, asked)) : source;
}

export function checkFiles(files: Files, main = "input.cnx"): Result<Program> {
  const loaded = loadFiles(files, main);
  return loaded.ok ? check(loaded.value) : loaded;
}

export const checkText = (text: string): Result<Program> => checkFiles(filesOf({ "input.cnx": text }));

/** The value, or a failure of the test that says what the diagnostics say. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(formatDiagnostics(result.diagnostics));
  return result.value;
}

/** The diagnostics of what has to fail. */
export function errorsOf<T>(result: Result<T>): readonly Diagnostic[] {
  if (result.ok) throw new Error("this should have failed");
  return result.diagnostics;
}

export const codesOf = <T>(result: Result<T>): readonly string[] => errorsOf(result).map(({ code }) => code);

export const sourceOfText = (text: string, name = "input.cnx"): Source => ({ name, text });
