import type { Diagnostic, Note, Place, Source, Span } from "./diagnostic.ts";
import { escapeControls, shownPath } from "./escape.ts";
import { codeFrame } from "./frame.ts";
import { type DiagnosticCode, messages } from "./messages.ts";

/** What a piece of a printed diagnostic is, so that a terminal can colour it. */
export type Role = "error" | "warning" | "place" | "gutter" | "mark" | "note";
export type Style = (role: Role, text: string) => string;

const plain: Style = (_role, text) => text;

/** More than these tell a reader nothing new. */
export const shownDiagnostics = 20;

/** Diagnostics as people read them, each with the line it means; no line end after the last. */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  { style = plain, limit = shownDiagnostics }: { readonly style?: Style; readonly limit?: number } = {},
): string {
  const shown = diagnostics.slice(0, limit).map(diagnostic => formatDiagnostic(diagnostic, style));
  const more = diagnostics.length - shown.length;
  return [...shown, ...(more > 0 ? [style("note", `and ${more} more`)] : [])].join("\n\n");
}

/**
 *     error[E_SPEC_SHAPE/small-input]: height 15 is below the total stride 16, nearest is 16
 *       ┌─ tiny.cnx:4:10
 *     4 │   input  15x224x3
 *       │          ^^^^^^^^
 *       = note: stem is set at tiny.cnx:5:10
 */
export function formatDiagnostic({ severity, code, message, place, notes }: Diagnostic, style: Style = plain): string {
  const head = style(severity, `${severity}[${messages[code].kind}/${code}]`);
  const frame = place !== null && isSpan(place) ? codeFrame(place) : null;
  const margin = " ".repeat(frame === null ? 0 : frame.line.length);
  const lines = [`${head}: ${escapeControls(message)}`];
  if (place !== null) lines.push(`${margin} ${style("gutter", "┌─")} ${style("place", describePlace(place))}`);
  if (frame !== null) {
    lines.push(`${style("gutter", `${frame.line} │`)} ${frame.text}`);
    lines.push(`${margin} ${style("gutter", "│")} ${frame.indent}${style("mark", frame.mark)}`);
  }
  for (const note of notes)
    lines.push(`${margin} ${style("gutter", "=")} ${style("note", `note: ${describeNote(note)}`)}`);
  return lines.map(line => line.trimEnd()).join("\n");
}

/** What a program that calls us gets: nothing cut, nothing coloured. Lines and columns count from 1, offsets from 0. */
export interface PlainDiagnostic {
  readonly severity: Diagnostic["severity"];
  readonly kind: (typeof messages)[DiagnosticCode]["kind"];
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** UTF-16 units in a spec, bytes in any other file. */
  readonly offset: number | null;
  readonly notes: readonly PlainNote[];
}

export interface PlainNote {
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly offset: number | null;
}

export const plainDiagnostic = ({ severity, code, message, place, notes }: Diagnostic): PlainDiagnostic => ({
  severity,
  kind: messages[code].kind,
  code,
  message: escapeControls(message),
  ...plainPlace(place),
  notes: notes.map(note => ({ message: escapeControls(note.message), ...plainPlace(note.place) })),
});

/** Line and column of an offset, both from 1. A line ends at LF, CR or CR LF; a column is a UTF-16 unit. */
export function lineAndColumn({ text }: Source, offset: number): { readonly line: number; readonly column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}

const isSpan = (place: NonNullable<Place>): place is Span => "source" in place;

function plainPlace(place: Place): Omit<PlainNote, "message"> {
  if (place === null) return { file: null, line: null, column: null, offset: null };
  if (!isSpan(place)) return { file: escapeControls(place.file), line: null, column: null, offset: place.offset };
  const { source, start } = place;
  return { file: escapeControls(source.name), ...lineAndColumn(source, start), offset: start };
}

function describePlace(place: NonNullable<Place>): string {
  const { file, line, column, offset } = plainPlace(place);
  const shortly = shownPath(file ?? "");
  if (line !== null) return `${shortly}:${line}:${column}`;
  return offset === null ? shortly : `${shortly}: byte ${offset}`;
}

const describeNote = ({ message, place }: Note): string =>
  `${escapeControls(message)}${place === null ? "" : ` at ${describePlace(place)}`}`;
