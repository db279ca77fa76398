import type { Diagnostic, Place } from "../../src/diagnostics/diagnostic.ts";

const at = (place: Place): string => (place !== null && "file" in place ? ` at ${place.offset}` : "");

/** All that is said of a file of weights, word by word: codes, places and notes. */
export const saidOf = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics
    .flatMap(({ code, place, message, notes }) => [
      `${code}${at(place)}: ${message}`,
      ...notes.map(note => `  note${at(note.place)}: ${note.message}`),
    ])
    .join("\n");
