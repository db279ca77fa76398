import type { DiagnosticCode } from "./messages.ts";

/** One text a diagnostic may point into. `name` is what the user typed, or the path relative to the spec's folder. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** UTF-16 offsets into `source.text`, end exclusive. Line and column are computed only when printing. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A place in a file that is not text: a byte offset, or the file as a whole when `offset` is null. */
export interface FilePlace {
  readonly file: string;
  readonly offset: number | null;
}

/** Null where no file is to blame: a command line, a device. */
export type Place = Span | FilePlace | null;

export interface Note {
  readonly message: string;
  readonly place: Place;
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly place: Place;
  readonly notes: readonly Note[];
}

export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly diagnostics: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export const ok = <T>(value: T, diagnostics: readonly Diagnostic[] = []): Result<T> => ({
  ok: true,
  value,
  diagnostics,
});

export const fail = (...diagnostics: readonly Diagnostic[]): { ok: false; diagnostics: readonly Diagnostic[] } => ({
  ok: false,
  diagnostics,
});
