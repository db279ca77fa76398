import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "../../src/diagnostics/exit-codes.ts";
import { generatedSpecs } from "./spec-generated.ts";

/** One bad, odd or merely large spec, and the outcome it must have. */
export interface SpecCase {
  readonly id: string;
  readonly title: string;
  /** The file to compile. */
  readonly main: string;
  /** All files by path. */
  readonly files: () => ReadonlyMap<string, Uint8Array>;
  /** Symbolic links by path, and where they lead. */
  readonly links?: Readonly<Record<string, string>>;
  readonly fifos?: readonly string[];
  /** Files that are holes of so many bytes. */
  readonly sparse?: Readonly<Record<string, number>>;
  readonly expected: Kind | "ok";
  /** What the printed diagnostics must hold. */
  readonly says?: string;
}

const folder = join(import.meta.dirname, "spec");

/** Specs that lie in the folder: `<id>-<title>.cnx`, or a folder of that name with main.cnx and what it imports. */
const stored: readonly (readonly [name: string, expected: Kind | "ok", says?: string])[] = [
  ["J01-comment-that-closes-comments", "ok"],
  ["J02-code-after-a-comment", "ok"],
  ["J04-backslash-and-trigraph", "ok"],
  ["J05-quote-and-call", "ok"],
  ["J06-template-string", "ok"],
  ["J09-handlebars", "ok"],
  ["J10-markup", "ok"],
  ["J12-printf", "ok"],
  ["J13-shell", "ok"],
  ["J16-wgsl-directives", "ok"],
  ["J17-source-map", "ok"],
  ["J18-raw-string-end", "ok"],
  ["J22-spreadsheet-formula", "ok"],
  ["J24-right-to-left-isolate", "E_SPEC_ENCODING", "U+2067"],
  ["J24-right-to-left-override", "E_SPEC_ENCODING", "U+202E"],
  ["S01-empty-file", "E_SPEC_EMPTY"],
  ["S02-blanks-and-comments", "E_SPEC_EMPTY"],
  ["S04-bom-in-the-middle", "E_SPEC_ENCODING"],
  ["S05-utf16be", "E_SPEC_ENCODING", "UTF-16"],
  ["S05-utf16le", "E_SPEC_ENCODING", "UTF-16"],
  ["S06-byte-ff-in-comment", "E_SPEC_ENCODING", "byte 3"],
  ["S06-cut-off", "E_SPEC_ENCODING"],
  ["S06-overlong", "E_SPEC_ENCODING", "byte 3"],
  ["S06-surrogate-half", "E_SPEC_ENCODING", "byte 3"],
  ["S08-latin-1", "E_SPEC_ENCODING"],
  ["S09-nul-between-tokens", "E_SPEC_ENCODING", "U+0000"],
  ["S09-nul-in-comment", "E_SPEC_ENCODING", "U+0000"],
  ["S10-bel-between-tokens", "E_SPEC_ENCODING", "U+0007"],
  ["S10-del-between-tokens", "E_SPEC_ENCODING", "U+007F"],
  ["S10-esc-between-tokens", "E_SPEC_ENCODING", "U+001B"],
  ["S10-nel", "E_SPEC_ENCODING", "U+0085"],
  ["S10-vertical-tab-and-form-feed", "E_SPEC_ENCODING", "U+000B"],
  ["S12-zero-width-in-name", "E_SPEC_ENCODING", "U+200B"],
  ["S13-ideographic-space", "E_SPEC_SYNTAX", "U+3000"],
  ["S13-line-separator", "E_SPEC_SYNTAX", "U+2028"],
  ["S13-nbsp", "E_SPEC_SYNTAX", "U+00A0"],
  ["S14-comment-at-the-end", "ok"],
  ["S14-cr", "ok"],
  ["S14-crlf", "ok"],
  ["S14-mixed-ends", "ok"],
  ["S14-no-final-newline", "ok"],
  ["S20-nesting-64", "E_SPEC_TYPE"],
  ["S20-nesting-65", "E_SPEC_TOO_DEEP"],
  ["S21-nesting-400", "E_SPEC_TOO_DEEP"],
  ["S26-unterminated-comment", "E_SPEC_SYNTAX"],
  ["S26-unterminated-string", "E_SPEC_SYNTAX", ":1:8"],
  ["S28-missing-brace", "E_SPEC_SYNTAX", ":3:"],
  ["S29-lone-surrogate-escape", "E_SPEC_ENCODING"],
  ["S30-field-given-twice", "E_SPEC_DUP", "first given at"],
  ["S30-names-that-differ-in-case", "E_SPEC_DUP"],
  ["S30-two-models-of-one-name", "E_SPEC_DUP", "first declared at"],
  ["S32-device-names", "E_SPEC_NAME"],
  ["S32-leading-underscores", "E_SPEC_NAME"],
  ["S32-two-underscores-within", "E_SPEC_NAME"],
  ["S32-underscore-alone", "E_SPEC_NAME"],
  ["S33-reserved-words", "ok"],
  ["S33-the-words-of-cnx", "ok"],
  ["S34-fields-of-object-members", "E_SPEC_UNDEF"],
  ["S34-heads-of-object-members", "E_SPEC_UNDEF"],
  ["S34-names-of-object-members", "ok"],
  ["S36-cyrillic", "E_SPEC_NAME", "U+0435"],
  ["S36-dotted-capital-i", "E_SPEC_NAME", "U+0130"],
  ["S36-full-width", "E_SPEC_NAME", "U+FF41"],
  ["S36-mathematical", "E_SPEC_NAME", "U+1D49C"],
  ["S37-combining-accent", "E_SPEC_NAME", "U+0301"],
  ["S38-name-of-64", "ok"],
  ["S38-name-of-65", "E_SPEC_NAME", "65"],
  ["S40-quoted-name-1", "E_SPEC_NAME"],
  ["S40-quoted-name-2", "E_SPEC_NAME"],
  ["S40-quoted-name-3", "E_SPEC_NAME"],
  ["S40-quoted-name-4", "E_SPEC_NAME"],
  ["S40-quoted-name-5", "E_SPEC_NAME"],
  ["S40-quoted-name-6", "E_SPEC_NAME"],
  ["S40-quoted-name-7", "E_SPEC_NAME"],
  ["S41-depts", "E_SPEC_UNDEF", "did you mean 'depths'?"],
  ["S41-undefined-parent", "E_SPEC_UNDEF", "did you mean 'a'?"],
  ["S41-unknown-field", "E_SPEC_UNDEF", "did you mean 'norm_eps'?"],
  ["S42-extends-in-a-circle", "E_SPEC_CYCLE", "a → b → a"],
  ["S42-extends-itself", "E_SPEC_CYCLE", "a → a"],
  ["S44-imports-in-a-circle", "E_SPEC_CYCLE", "b.cnx → "],
  ["S44-imports-itself", "E_SPEC_CYCLE", "a spec cannot import itself"],
  ["S46-small-diamond", "ok"],
  ["S49-import-path-1", "E_SPEC_INCLUDE"],
  ["S49-import-path-2", "E_SPEC_INCLUDE"],
  ["S49-import-path-3", "E_SPEC_INCLUDE"],
  ["S49-import-path-4", "E_SPEC_INCLUDE"],
  ["S49-import-path-5", "E_SPEC_INCLUDE"],
  ["S49-import-path-6", "E_SPEC_INCLUDE"],
  ["S49-import-path-7", "E_SPEC_INCLUDE"],
  ["S49-import-path-8", "E_SPEC_INCLUDE"],
  ["S50-import-a-folder", "E_SPEC_INCLUDE"],
  ["S50-import-missing", "E_SPEC_INCLUDE"],
  ["S53-channels-1", "E_SPEC_RANGE"],
  ["S53-channels-2", "E_SPEC_RANGE"],
  ["S53-channels-3", "E_SPEC_RANGE"],
  ["S54-channels-1e9", "E_SPEC_RANGE", "65536"],
  ["S54-channels-65536", "E_SPEC_LIMIT"],
  ["S56-fraction-for-an-integer", "E_SPEC_TYPE"],
  ["S56-string-for-a-number", "E_SPEC_TYPE"],
  ["S57-number-form-01", "E_SPEC_SYNTAX"],
  ["S57-number-form-02", "E_SPEC_SYNTAX"],
  ["S57-number-form-03", "E_SPEC_SYNTAX"],
  ["S57-number-form-04", "E_SPEC_SYNTAX"],
  ["S57-number-form-05", "E_SPEC_SYNTAX"],
  ["S57-number-form-06", "E_SPEC_SYNTAX"],
  ["S57-number-form-07", "E_SPEC_SYNTAX"],
  ["S57-number-form-08", "E_SPEC_SYNTAX"],
  ["S57-number-form-09", "E_SPEC_SYNTAX"],
  ["S57-number-form-10", "E_SPEC_SYNTAX"],
  ["S57-number-form-11", "E_SPEC_SYNTAX"],
  ["S57-number-form-12", "E_SPEC_SYNTAX"],
  ["S57-number-form-13", "E_SPEC_SYNTAX"],
  ["S58-infinity", "E_SPEC_SYNTAX"],
  ["S58-minus-infinity", "E_SPEC_SYNTAX"],
  ["S58-nan", "E_SPEC_SYNTAX"],
  ["S60-mask-ratio-1-5", "E_SPEC_RANGE"],
  ["S60-mask-ratio-negative", "E_SPEC_RANGE"],
  ["S61-mask-ratio-0", "E_SPEC_RANGE"],
  ["S61-mask-ratio-1", "E_SPEC_RANGE"],
  ["S62-nothing-kept-of-4", "E_SPEC_RANGE", "0 of 4 kept"],
  ["S62-nothing-kept-of-49", "E_SPEC_RANGE", "0 of 49 kept"],
  ["S64-image-225", "ok"],
  ["S64-masked-image-225", "E_SPEC_SHAPE", "224 and 256"],
  ["S65-image-16", "E_SPEC_SHAPE", "nearest is 32"],
  ["S66-image-32", "ok"],
  ["S68-empty-list", "E_SPEC_SHAPE"],
  ["S68-four-depths-three-dims", "E_SPEC_SHAPE"],
  ["S68-nine-stages", "E_SPEC_SHAPE"],
  ["S69-kernel-0", "E_SPEC_RANGE"],
  ["S69-kernel-4", "E_SPEC_RANGE"],
  ["S69-kernel-65", "E_SPEC_RANGE"],
  ["S70-kernel-63", "ok"],
  ["S73-eps-1", "E_SPEC_RANGE"],
  ["S73-eps-2", "E_SPEC_RANGE"],
  ["S73-eps-3", "E_SPEC_RANGE"],
  ["S73-eps-4", "E_SPEC_RANGE"],
  ["S74-dtype-f64", "E_SPEC_TYPE"],
  ["S74-dtype-int8", "E_SPEC_TYPE"],
  ["S76-too-many-parameters", "E_SPEC_LIMIT", "5.55G"],
  ["S77-a-million-blocks", "E_SPEC_LIMIT"],
  ["S77-blocks-beyond-2-53", "E_SPEC_LIMIT"],
  ["S77-product-beyond-2-53", "E_SPEC_LIMIT"],
  ["S78-sweep-of-1e10", "ok"],
  ["S80-empty-axis", "E_SPEC_RANGE"],
  ["S80-empty-range", "E_SPEC_RANGE"],
  ["S80-equal-values", "E_SPEC_DUP"],
  ["S82-long-axis-range", "E_SPEC_LIMIT"],
  ["S84-batch-0", "E_SPEC_RANGE"],
  ["S84-batch-0-to-8", "E_SPEC_RANGE"],
  ["S85-published-sizes", "ok"],
  ["S86-empty-target-list", "E_SPEC_RANGE"],
  ["S86-nearest-target", "E_SPEC_UNDEF", "did you mean 'wgsl'?"],
  ["S86-unknown-target", "E_SPEC_UNDEF"],
];

function filesOf(name: string): ReadonlyMap<string, Uint8Array> {
  const path = join(folder, name);
  if (!readdirSync(folder).includes(name)) return new Map([["main.cnx", readFileSync(`${path}.cnx`)]]);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return new Map(
    files.map(entry => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(path.length + 1), readFileSync(file)];
    }),
  );
}

const storedSpecs = stored.map(([name, expected, says]): SpecCase => {
  const [id = "", ...title] = name.split("-");
  const row = { id, title: title.join("-"), main: "main.cnx", files: () => filesOf(name), expected };
  return says === undefined ? row : { ...row, says };
});

/** Specs and the outcome each must have: group S of the list of bad inputs, and the rows of group J about text. */
export const specCorpus: readonly SpecCase[] = [...storedSpecs, ...generatedSpecs];

/** What lies in the folder and what the table names, to be equal. */
export const storedNames = {
  found: readdirSync(folder).map(name => name.replace(/\.cnx$/, "")).sort(),
  listed: stored.map(([name]) => name).sort(),
};
