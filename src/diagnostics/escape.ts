/** Control characters, halves of pairs, what turns the direction of the text around it, and what nobody sees; the two
 * joiners are left, without which some scripts and signs cannot be written. */
const hidden =
  /[\p{Cc}\p{Surrogate}\u00AD\u061C\u180E\u200B\u200E\u200F\u2028\u2029\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;

/** Those of them that do something to a terminal, none of which a spec may hold: one that is printed stays as it is. */
const commanding = /(?![\n\t])\p{Cc}|[\p{Surrogate}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

const named = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** A text of one line, whoever wrote it: what is hidden in it becomes visible, as `\u{1b}`. */
export const escapeControls = (text: string): string => text.replace(hidden, named);

/** A text of several lines for a terminal, the last that looks at it: nothing in it moves a cursor or sets a title. */
export const escapeLines = (text: string): string => text.replace(commanding, named);

/** JSON that has been printed, with the same characters as JSON writes them, so that it may be shown anywhere. */
export const escapeJson = (json: string): string =>
  json.replace(hidden, character =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );

const missing = (characters: number): string => `… (+${characters} characters)`;

/** The beginning of a text where it is longer than `most`, and how much is missing. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\uD800-\uDBFF]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)}${missing(text.length - end)}`;
}

/** Characters of a foreign text that a line shows. */
const usual = 200;

/**
 * A text out of a file, from the command line or from another program, as it may stand in a line of ours: what is hidden
 * made visible, and cut where that is longer than `most`.
 */
export function shown(text: string, most: number = usual): string {
  let told = "";
  let at = 0;
  for (const character of text) {
    const next = escapeControls(character);
    if (told.length + next.length > most) return `${told}${missing(text.length - at)}`;
    told += next;
    at += character.length;
  }
  return told;
}

/** The longest path that systems take is 4096 bytes; most are read to their end. */
export const shownPath = (path: string): string => shown(path, 1000);

/** What ends a comment, begins one, or goes on in the next line, in some language that is generated. */
const endings = /\*\/|\/\*|-->|<!--|<\/|\?\?|\]\]|\\$/g;

/** A foreign text as a comment of generated code has it, whatever the language: of one line, and none of its ends in it. */
export const inComment = (text: string): string =>
  shown(text).replace(endings, ending => `${ending.slice(0, -1)} ${ending.slice(-1)}${ending === "\\" ? "." : ""}`);
