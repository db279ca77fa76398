import { type Diagnostic, fail, ok, type Result, type Source, type Span } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import type { Ast } from "./ast.ts";
import { limits } from "./limits.ts";
import { withNamedFiles } from "./named-files.ts";
import { parse } from "./parse.ts";

/** What a file is that a spec names: another spec, or names of classes, of which any text of UTF-8 may be made. */
export type NamedFile = "spec" | "labels";

/** Finds and reads what `import "specifier"` at `from` means, or the file that another string names there. */
export type ReadImport = (specifier: string, from: Span, what: NamedFile) => Result<Source>;

/**
 * A spec and all it imports, each file once, what is imported before what imports it: the root comes last. Two sources
 * of one name are one file. Reports the errors of every file it can reach, not of the first bad one only.
 */
export function load(root: Source, read: ReadImport): Result<readonly Ast[]> {
  const loaded = new Map<string, Ast | null>();
  const asked = new Map<string, Source | null>();
  const diagnostics: Diagnostic[] = [];
  let characters = 0;
  let full = false;

  const visit = (source: Source, chain: readonly Source[]): void => {
    loaded.set(source.name, null);
    const parsed = parse(source);
    diagnostics.push(...parsed.diagnostics);
    if (!parsed.ok) return;
    characters += source.text.length;
    for (const { specifier } of parsed.value.imports) follow(specifier.text, specifier.span, [...chain, source]);
    // Set again, so that a map's order of insertion becomes the order in which files are needed.
    loaded.delete(source.name);
    loaded.set(
      source.name,
      withNamedFiles(parsed.value, ({ text, span }) => ask(text, span, "labels")),
    );
  };

  const follow = (specifier: string, from: Span, chain: readonly Source[]): void => {
    const source = full ? null : ask(specifier, from, "spec");
    if (source === null) return;
    const start = chain.findIndex(({ name }) => name === source.name);
    if (start >= 0) {
      diagnostics.push(
        error(
          "import-cycle",
          from,
          [...chain.slice(start), source].map(({ name }) => name),
        ),
      );
    }
    if (loaded.has(source.name)) return;
    const limit = overLimit(source, from, chain.length);
    if (limit === null) visit(source, chain);
    else diagnostics.push(limit);
  };

  /** One reading for all strings that say the same in the same folder. */
  const ask = (specifier: string, from: Span, what: NamedFile): Source | null => {
    const key = `${what}\n${from.source.name.replace(/[^/]*$/, "")}\n${specifier}`;
    const before = asked.get(key);
    if (before !== undefined) return before;
    const result = read(specifier, from, what);
    diagnostics.push(...result.diagnostics);
    asked.set(key, result.ok ? result.value : null);
    return result.ok ? result.value : null;
  };

  const overLimit = (source: Source, from: Span, depth: number): Diagnostic | null => {
    if (depth > limits.importDepth) return error("import-too-deep", from, limits.importDepth);
    full = loaded.size >= limits.files || characters + source.text.length > limits.characters;
    if (!full) return null;
    return loaded.size >= limits.files
      ? error("too-many-files", from, limits.files)
      : error("imports-too-large", from, limits.characters);
  };

  visit(root, []);
  if (diagnostics.some(({ severity }) => severity === "error")) return fail(...diagnostics);
  return ok(
    [...loaded.values()].filter(ast => ast !== null),
    diagnostics,
  );
}
