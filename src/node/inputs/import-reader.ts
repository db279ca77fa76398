import * as fs from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result, type Span } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { decodeSpec } from "../../syntax/decode.ts";
import { limits } from "../../syntax/limits.ts";
import type { ReadImport } from "../../syntax/load.ts";
import { contains } from "../files/contains.ts";
import { errnoOf } from "../files/errno.ts";
import { describeFile, readFileWithin } from "../files/read.ts";

/**
 * Reads what specs import. Every path is taken relative to the file that names it and stays below `root`, by its text and
 * by where links lead. `main` is the spec of the command line, `-` for standard input, which counts as a file of the
 * current directory.
 */
export function importReader(main: string, root: string | null): ReadImport {
  const mainFile = path.resolve(main === "-" ? "standard input" : main);
  const rootFolder = path.resolve(root ?? path.dirname(mainFile));
  const prefix = main === "-" ? "" : path.dirname(main);
  /** Name in diagnostics → where the file is. */
  const places = new Map([[main, mainFile]]);

  return (specifier, from) => {
    const problem = specifierProblem(specifier);
    if (problem !== null) return fail(error("import-path", from, problem));
    const importer = places.get(from.source.name) ?? mainFile;
    const file = path.join(path.dirname(importer), specifier);
    if (!contains(rootFolder, file)) return fail(error("import-outside", from, specifier));
    const name = path
      .join(prefix, path.relative(path.dirname(mainFile), file))
      .split(path.sep)
      .join("/");
    const found = locate(file, rootFolder, specifier, from);
    if (!found.ok) return found;
    places.set(name, file);
    const tooLarge = (size: number) => error("spec-too-large", { file: name, offset: null }, size, limits.bytes);
    const bytes = readFileWithin(found.value, limits.bytes, tooLarge);
    if (bytes.ok) return decodeSpec(bytes.value, name);
    const [first] = bytes.diagnostics;
    return first?.code === "spec-too-large" ? bytes : fail(unreadable(specifier, from, first?.message ?? "unknown"));
  };
}

const unreadable = (specifier: string, from: Span, why: string): Diagnostic =>
  error("import-unreadable", from, specifier, why);

/** What is wrong with an import by its text alone. */
export function specifierProblem(specifier: string): string | null {
  if (specifier === "") return "is empty";
  if (specifier.includes("\0")) return "holds a NUL character";
  if (specifier.includes("\\")) return "has a '\\'";
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(specifier)) return "is an address";
  if (specifier.startsWith("/")) return "is absolute";
  return Buffer.byteLength(specifier) > 1024 ? "is too long" : null;
}

/** Follows links once and for all: what is read afterwards is the place that was checked. */
function locate(file: string, root: string, specifier: string, from: Span): Result<string> {
  try {
    const real = fs.realpathSync(file);
    if (!contains(fs.realpathSync(root), real)) return fail(error("import-outside", from, specifier));
    const stat = fs.lstatSync(real);
    if (!stat.isFile()) return fail(unreadable(specifier, from, `it is ${describeFile(stat)}`));
    return ok(real);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === null) throw cause;
    return fail(unreadable(specifier, from, why[code] ?? code));
  }
}

const why: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a file is in the way",
  EACCES: "there is no permission",
  ELOOP: "its links go round in a circle",
  ENAMETOOLONG: "its path is too long",
};
