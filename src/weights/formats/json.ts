import { error } from "../../diagnostics/messages.ts";
import type { Cursor } from "../../json/cursor.ts";

/** More keys than any tensor file has in one object. */
const maxKeys = 65_537;

/** How the JSON of a file of weights is read, which is its header or its index: in the words of such files. */
export const weightsJson = (what: "header" | "index"): Pick<Cursor, "complaints" | "maxKeys"> => ({
  maxKeys,
  complaints: {
    syntax: (place, expected) => error("weights-header-syntax", place, what, expected),
    utf8: place => error("weights-header-utf8", place, what),
    surrogate: place => error("weights-header-surrogate", place, what),
    depth: (place, most) => error("weights-header-depth", place, what, most),
    integer: (place, token) => error("weights-header-integer", place, token),
    twice: (place, key) => error("weights-duplicate-key", place, what, key),
    keys: (place, most) => error("weights-limit-fields", place, what, most),
  },
});
