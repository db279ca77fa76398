import * as fs from "node:fs";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result, type Source, type Span } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { decodeSpec } from "../../syntax/decode.ts";
import { limits } from "../../syntax/limits.ts";
import type { NamedFile, ReadImport } from "../../syntax/load.ts";
import { contains } from "../files/contains.ts";
import { errnoOf } from "../files/errno.ts";
import { describeFile, readFileWithin } from "../files/read.ts";
import { decodeText } from "./labels.ts";

/**
 * Reads what specs import and the other files that they name. Every path is taken relative to the file that names it and stays below `root`, by its text and
 * by where links lead. `main` is the spec of the command line, `-` for standard input, which counts as a file of the
 * current directory.
 */
export function importReader(main: string, root: string | null): ReadImport {
  const mainFile = path.resolve(main === "-" ? "standard input" : main);
  const rootFolder = path.resolve(root ?? path.dirname(mainFile));
  const prefix = main === "-" ? "" : path.dirname(main);
  /** Name in diagnostics → where the file is. */
  const places = new Map([[main, mainFile]]);

  return (specifier, from, what) => {
    const asked: Asked = { specifier, from, noun: nouns[what] };
    const problem = specifierProblem(specifier);
    if (problem !== null)
      return fail(error("import-path", from, what === "spec" ? "an import names" : "labels name", problem));
    const importer = places.get(from.source.name) ?? mainFile;
    const file = path.join(path.dirname(importer), specifier);
    if (!contains(rootFolder, file)) return fail(error("import-outside", from, asked.noun, specifier));
    const name = path
      .join(prefix, path.relative(path.dirname(mainFile), file))
      .split(path.sep)
      .join("/");
    const found = locate(file, rootFolder, asked);
    if (!found.ok) return found;
    if (what === "labels") return readText(found.value, name, asked);
    places.set(name, file);
    const tooLarge = (size: number) => error("spec-too-large", { file: name, offset: null }, size, limits.bytes);
    const bytes = readFileWithin(found.value, limits.bytes, tooLarge);
    if (bytes.ok) return decodeSpec(bytes.value, name);
    const [first] = bytes.diagnostics;
    return first?.code === "spec-too-large" ? bytes : fail(unreadable(asked, first?.message ?? "unknown"));
  };
}

/** A file that a spec names: how, where, and what it is called when it is not right. */
interface Asked {
  readonly specifier: string;
  readonly from: Span;
  readonly noun: string;
}

const nouns: { readonly [K in NamedFile]: string } = { spec: "import", labels: "file of labels" };

const unreadable = ({ specifier, from, noun }: Asked, why: string): Diagnostic =>
  error("import-unreadable", from, noun, specifier, why);

/** Any text, of which only its reader knows what may stand in it. */
function readText(file: string, name: string, asked: Asked): Result<Source> {
  const tooLarge = (size: number) => unreadable(asked, `it has ${size} bytes, more than ${limits.labelBytes}`);
  const bytes = readFileWithin(file, limits.labelBytes, tooLarge);
  const [first] = bytes.diagnostics;
  if (!bytes.ok) return first?.code === "import-unreadable" ? bytes : fail(unreadable(asked, first?.message ?? ""));
  const text = decodeText(bytes.value);
  return text === null ? fail(unreadable(asked, "it is not UTF-8")) : ok({ name, text });
}

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
function locate(file: string, root: string, asked: Asked): Result<string> {
  const { specifier, from, noun } = asked;
  try {
    const real = fs.realpathSync(file);
    if (!contains(fs.realpathSync(root), real)) return fail(error("import-outside", from, noun, specifier));
    const stat = fs.lstatSync(real);
    if (!stat.isFile()) return fail(unreadable(asked, `it is ${describeFile(stat)}`));
    return ok(real);
  } catch (cause) {
    const code = errnoOf(cause);
    if (code === null) throw cause;
    return fail(unreadable(asked, why[code] ?? code));
  }
}

const why: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a file is in the way",
  EACCES: "there is no permission",
  ELOOP: "its links go round in a circle",
  ENAMETOOLONG: "its path is too long",
};
