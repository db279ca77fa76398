import { error, withNote } from "../diagnostics/messages.ts";
import type { Declaration, Name } from "../syntax/ast.ts";
import { limits } from "../syntax/limits.ts";
import type { Report } from "./read.ts";

/** Files of these names are devices on Windows, whatever their ending. */
const devices = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;

/** A name that is declared: it becomes files and folders, and a part of names in the code that is made. */
export function checkName({ text, quoted, span }: Name, report: Report): void {
  if (quoted) report(error("name-quoted", span));
  else if (text.length > limits.nameLength) report(error("name-too-long", span, text.length, limits.nameLength));
  else if (text.startsWith("_") || text.includes("__")) report(error("name-form", span, text));
  else if (devices.test(text)) report(error("name-reserved", span, text));
}

/** What each kind of declaration is called. */
const kinds: { readonly [K in Declaration["kind"]]: string } = {
  model: "model",
  sweep: "sweep",
  build: "build",
  train: "recipe",
};

/** The declarations of one kind by name; of two with one name, the first. */
export function byName<D extends Declaration>(declarations: readonly D[], report: Report): ReadonlyMap<string, D> {
  const named = new Map<string, D>();
  const folded = new Map<string, D>();
  for (const declaration of declarations) {
    const { name } = declaration;
    const kind = kinds[declaration.kind];
    checkName(name, report);
    const before = folded.get(name.text.toLowerCase());
    if (before === undefined) folded.set(name.text.toLowerCase(), declaration);
    else {
      const clash =
        before.name.text === name.text
          ? error("duplicate-name", name.span, kind, name.text)
          : error("case-clash", name.span, kind, name.text, before.name.text);
      report(withNote(clash, "first declared", before.name.span));
    }
    if (!named.has(name.text)) named.set(name.text, declaration);
  }
  return named;
}
