import type { Diagnostic, Source, Span } from "../diagnostics/diagnostic.ts";
import type { DiagnosticCode } from "../diagnostics/messages.ts";
import { error } from "../diagnostics/messages.ts";
import { limits } from "./limits.ts";

/** What a look at the text alone tells, before the grammar sees it. */
export interface Scan {
  /** The text without comments and blanks, but for one where blanks part what would else be read as one: ohm remembers
   * much for every character. */
  readonly text: string;
  /** Where character i of `text` stands in the source. */
  readonly at: Uint32Array;
  readonly comments: readonly Span[];
  /** The brackets that are never closed. */
  readonly open: readonly Span[];
  /** End of the last word or sign. */
  readonly end: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** A blank, a comment, a string, a word or number, a sign, or a run of what has no place in code. */
const token =
  /(?<blank>[ \t\n\r]+)|(?<comment>\/\/[^\n\r]*|\/\*(?:.*?\*\/|.*))|(?<string>"[^"\n\r]*"?)|(?<word>[A-Za-z0-9_]+)|(?<sign>[!-~])|(?<foreign>\P{ASCII}+)|./gsu;

/** The signs that are no part of a longer one, so that no blank beside them means anything. */
const alone = /^[[\]{}(),]$/;

/**
 * Split the source into tokens: find the comments, and whatever must be said before a parser is let loose on the text.
 * Never fails; a text with an error in `diagnostics` is not to be parsed.
 */
export function scan(source: Source): Scan {
  const parts: string[] = [];
  const at = new Uint32Array(source.text.length + 1);
  const comments: Span[] = [];
  const open: { readonly span: Span; entries: number }[] = [];
  const diagnostics: Diagnostic[] = [];
  let length = 0;
  let end = 0;
  let tokens = 0;
  /** Where the blanks before this token begin. */
  let apart: number | null = null;
  const keep = (text: string, start: number) => {
    parts.push(text);
    for (let i = 0; i < text.length; i++) at[length++] = start + i;
  };

  for (const match of source.text.matchAll(token)) {
    const start = match.index;
    const text = match[0];
    const span = { source, start, end: start + text.length };
    const { blank, comment, string, foreign } = match.groups ?? {};
    if (blank !== undefined || comment !== undefined) {
      apart ??= start;
      if (comment === undefined) continue;
      comments.push(span);
      if (comment.startsWith("/*") && (comment.length < 4 || !comment.endsWith("*/"))) {
        diagnostics.push(error("unterminated-comment", { source, start, end: start + 2 }));
      }
      continue;
    }
    if (apart !== null && !alone.test(text) && !alone.test(parts.at(-1) ?? "{")) keep(" ", apart);
    apart = null;
    keep(text, start);
    end = span.end;
    if (foreign !== undefined) diagnostics.push(...foreignRuns(source, start, foreign));
    if (string !== undefined) diagnostics.push(...stringErrors(span, string));
    if (tokens++ === limits.tokens) {
      diagnostics.push(error("too-many-tokens", span, limits.tokens));
      break;
    }
    if (text === "{" || text === "[" || text === "(") {
      open.push({ span, entries: 1 });
      if (open.length <= limits.nesting) continue;
      diagnostics.push(error("nesting-too-deep", span, limits.nesting));
      break;
    }
    if (text === "}" || text === "]" || text === ")") open.pop();
    const list = open.at(-1);
    if (text === "," && list?.span.source.text[list.span.start] === "[" && list.entries++ === limits.listEntries) {
      diagnostics.push(error("list-too-long", list.span, limits.listEntries));
    }
  }
  at[length] = end;
  return { text: parts.join(""), at, comments, open: open.map(({ span }) => span), end, diagnostics };
}

const unicodeKinds: readonly (readonly [RegExp, DiagnosticCode & `${"foreign" | "invisible"}-${string}`])[] = [
  [/[\p{Cf}\p{Default_Ignorable_Code_Point}]/u, "invisible-character"],
  [/\p{White_Space}/u, "foreign-space"],
  [/[\p{L}\p{M}]/u, "foreign-letter"],
];

/** One diagnostic for each stretch of one kind, named after its first character. */
function foreignRuns(source: Source, start: number, text: string): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  let last: string | null = null;
  let offset = start;
  for (const character of text) {
    const code = unicodeKinds.find(([pattern]) => pattern.test(character))?.[1] ?? "foreign-character";
    if (code !== last) {
      diagnostics.push(error(code, { source, start: offset, end: offset + character.length }, character));
    }
    last = code;
    offset += character.length;
  }
  return diagnostics;
}

/** Strings have no escapes, but `\uD800` in one says that its writer thought so, and means no character. */
function stringErrors(span: Span, text: string): Diagnostic[] {
  if (text.length < 2 || !text.endsWith('"')) {
    return [error("unterminated-string", { ...span, end: span.start + 1 })];
  }
  if (text.length - 2 > limits.stringLength) return [error("string-too-long", span, limits.stringLength)];
  const surrogate = /\\u\{?[dD][89a-fA-F][0-9a-fA-F]{2}/.exec(text);
  if (surrogate === null) return [];
  const start = span.start + surrogate.index;
  return [error("lone-surrogate", { ...span, start, end: start + surrogate[0].length }, surrogate[0])];
}
