import type { MatchResult } from "ohm-js";
import { type Diagnostic, fail, ok, type Result, type Source, type Span } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { cnxGrammar } from "../embedded/cnx-grammar.ts";
import type { Ast, Declaration, Import } from "./ast.ts";
import { type Scan, scan } from "./scan.ts";
import { toAst } from "./to-ast.ts";

declare module "ohm-js" {
  /** Both exist and are documented, but are missing from ohm's types. */
  interface MatchResult {
    getRightmostFailurePosition(): number;
    getRightmostFailures(): readonly { toString(): string }[];
  }
}

/** The syntax tree of a spec, or the first place where it is none. */
export function parse(source: Source): Result<Ast> {
  const scanned = scan(source);
  if (scanned.diagnostics.length > 0) return fail(...scanned.diagnostics);
  if (scanned.end === 0) return fail(error("empty-spec", { source, start: 0, end: 0 }));
  const match = cnxGrammar.match(scanned.text);
  if (match.failed()) return fail(explain(source, scanned, match));
  const items = toAst(match, source, scanned.at);
  const imports = items.filter((item): item is Import => item.kind === "import");
  const declarations = items.filter((item): item is Declaration => item.kind !== "import");
  return ok({ source, imports, declarations, named: [], comments: scanned.comments });
}

const declarationWords = ["import", "model", "sweep", "build", "train"];

/** Ohm knows the farthest place it reached and what it would have taken there; say it in words. */
function explain(source: Source, scanned: Scan, match: MatchResult): Diagnostic {
  const { text } = scanned;
  const code = text.trimEnd();
  let start = match.getRightmostFailurePosition();
  while (code[start] === " ") start++;
  const expected = phrases(match.getRightmostFailures().map(failure => failure.toString()));
  if (start >= code.length) {
    const diagnostic = error(
      "syntax",
      { source, start: Math.max(0, scanned.end - 1), end: scanned.end },
      oneOf(expected),
    );
    const opened = scanned.open.at(-1);
    return opened === undefined ? diagnostic : withNote(diagnostic, "opened", opened);
  }
  const number = numberAround(code, start);
  if (number !== null && expected.join() !== "a name") {
    return error("malformed-number", spanIn(scanned, source, number), code.slice(...number));
  }
  const word = /^(\w+|.)/s.exec(code.slice(start))?.[0] ?? "";
  const diagnostic = error("syntax", spanIn(scanned, source, [start, start + word.length]), oneOf(expected));
  const nearest = declarationWords.every(known => expected.includes(`'${known}'`))
    ? nearestOf(declarationWords)(word)
    : null;
  return nearest === null ? diagnostic : withNote(diagnostic, `did you mean '${nearest}'?`);
}

type Piece = readonly [start: number, end: number];

const spanIn = ({ at }: Scan, source: Source, [start, end]: Piece): Span => ({
  source,
  start: at[start] ?? 0,
  end: (at[end - 1] ?? 0) + 1,
});

/** What was meant to be a number and is none, where the parser stopped at it or within it. */
function numberAround(text: string, position: number): Piece | null {
  const part = /[\w.+-]/;
  let start = position;
  let end = position;
  while (start > 0 && part.test(text[start - 1] ?? "")) start--;
  while (part.test(text[end] ?? "")) end++;
  const piece = text.slice(start, end);
  const right = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+|[KMG])?$/.test(piece);
  return /^[+.-]*\d/.test(piece) && !right ? [start, end] : null;
}

const valueKinds = ["a name", "a number", "a size", "a string", "'['", "'{'"];

/** What was expected, each once, in an order that does not depend on the parser's. */
function phrases(failures: readonly string[]): readonly string[] {
  const all = new Set(failures.map(failure => failure.replace(/^"(.*)"$/, "'$1'")));
  // Ohm would end where a declaration could begin, and names are taken with quotes only to be refused by the checker.
  if (all.size > 1) all.delete("end of input");
  if (valueKinds.every(kind => all.has(kind))) {
    for (const kind of valueKinds) all.delete(kind);
    all.add("a value");
  } else if (all.has("a name")) all.delete("a string");
  return [...all].sort((a, b) => Number(a.startsWith("'")) - Number(b.startsWith("'")) || (a < b ? -1 : 1));
}

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "something else") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
