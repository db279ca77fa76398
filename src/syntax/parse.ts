import type { MatchResult } from "ohm-js";
import { fail, ok, type Result, type Source, type Span } from "../diagnostics/diagnostic.ts";
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
    getRightmostFailures(): readonly { isFluffy(): boolean; toString(): string }[];
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
  return ok({ source, imports, declarations, comments: scanned.comments });
}

const declarationWords = ["import", "model", "sweep", "build"];
const nearestDeclaration = nearestOf(declarationWords);

/** Ohm knows the farthest place it reached and what it would have taken there; say it in words. */
function explain(source: Source, scanned: Scan, match: MatchResult) {
  const position = match.getRightmostFailurePosition();
  const span = wordAround(source, scanned, position);
  const text = source.text.slice(span.start, span.end);
  if (/^[+.]?[0-9]/.test(text) || (text === "+" && span.end > span.start)) return error("malformed-number", span, text);
  const expected = [
    ...new Set(
      match
        .getRightmostFailures()
        .filter(f => !f.isFluffy())
        .map(f => phrase(f.toString())),
    ),
  ];
  const diagnostic = error("syntax", span, oneOf(expected));
  const nearest = declarationWords.every(word => expected.includes(`'${word}'`)) ? nearestDeclaration(text) : null;
  if (nearest !== null) return withNote(diagnostic, `did you mean '${nearest}'?`);
  const opened = scanned.open.at(-1);
  return position < scanned.text.trimEnd().length || opened === undefined
    ? diagnostic
    : withNote(diagnostic, "opened", opened);
}

/** The word, number or sign at a place; the end of the code where nothing follows. */
function wordAround(source: Source, scanned: Scan, position: number): Span {
  const { text, at } = scanned;
  const whole = /[A-Za-z0-9_.+-]/;
  let start = position;
  while (text[start] === " ") start++;
  if (start >= text.trimEnd().length) return { source, start: Math.max(0, scanned.end - 1), end: scanned.end };
  let end = start;
  while (start > 0 && start === position && whole.test(text[start] ?? "") && whole.test(text[start - 1] ?? "")) {
    while (start > 0 && whole.test(text[start - 1] ?? "")) start--;
  }
  while (whole.test(text[end] ?? "")) end++;
  end = Math.max(end, start + 1);
  return { source, start: at[start] ?? 0, end: (at[end - 1] ?? 0) + 1 };
}

const phrase = (failure: string): string =>
  failure.startsWith('"') ? `'${failure.slice(1, -1)}'` : failure === "end of input" ? "the end of the file" : failure;

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "something else") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
