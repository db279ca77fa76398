import { type Diagnostic, fail, ok, type Result, type Source } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { limits } from "./limits.ts";

/** The text of a spec file, or why its bytes are none. A leading byte-order mark is left out of the text. */
export function decodeSpec(bytes: Uint8Array, name: string): Result<Source> {
  if (bytes.length > limits.bytes) {
    return fail(error("spec-too-large", { file: name, offset: null }, bytes.length, limits.bytes));
  }
  const order = utf16Order(bytes);
  if (order !== null) return fail(error("utf16", { file: name, offset: 0 }, order));
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const decoded = decodeUtf8(bytes, marked ? 3 : 0);
  if (typeof decoded === "number") {
    return fail(error("not-utf8", { file: name, offset: decoded }, bytes[decoded] ?? 0, decoded));
  }
  return sourceOf(decoded, name);
}

/** The same for a text that is none of our decoding, as in an editor or a browser. */
export function sourceOf(text: string, name: string): Result<Source> {
  const source = { name, text };
  if (text.length > limits.bytes) {
    return fail(error("spec-too-large", { file: name, offset: null }, text.length, limits.bytes));
  }
  const diagnostics: Diagnostic[] = [];
  for (const match of text.matchAll(forbidden)) {
    const character = match[0];
    const span = { source, start: match.index, end: match.index + character.length };
    if (character === "\uFEFF") diagnostics.push(error("byte-order-mark", span));
    else if (bidirectional.test(character)) diagnostics.push(error("bidi-control", span, character));
    else if (surrogate.test(character)) diagnostics.push(error("lone-surrogate", span, "this"));
    else diagnostics.push(error("control-character", span, character));
    if (diagnostics.length === reported) break;
  }
  return diagnostics.length > 0 ? fail(...diagnostics) : ok(source);
}

/** A binary file has a bad character everywhere; more than these help nobody. */
const reported = 100;

/** What may stand nowhere: control characters but tab and line ends, bidirectional controls, U+FEFF, lone surrogates. */
const forbidden = /(?![\t\n\r])\p{Cc}|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF\p{Surrogate}]/gu;
const bidirectional = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/;
const surrogate = /^\p{Surrogate}$/u;

function utf16Order(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "LE";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "BE";
  return null;
}

/**
 * The text, or the offset of the first byte that is not UTF-8. `TextDecoder` is no part of the language, and where it
 * exists it does not say where it failed.
 */
function decodeUtf8(bytes: Uint8Array, from: number): string | number {
  const parts: string[] = [];
  let units: number[] = [];
  for (let at = from; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const form = forms.find(({ lead, mask }) => (first & mask) === lead);
    if (form === undefined) return at;
    let code = first & ~form.mask;
    for (let i = 1; i < form.length; i++) {
      const next = bytes[at + i];
      if (next === undefined || (next & 0xc0) !== 0x80) return at;
      code = (code << 6) | (next & 0x3f);
    }
    if (code < form.least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return at;
    if (code > 0xffff) units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    else units.push(code);
    at += form.length;
    if (units.length > 4096) {
      parts.push(String.fromCharCode(...units));
      units = [];
    }
  }
  return parts.join("") + String.fromCharCode(...units);
}

/** How a sequence of so many bytes begins, and the least character that may be written so long. */
const forms = [
  { length: 1, mask: 0x80, lead: 0x00, least: 0 },
  { length: 2, mask: 0xe0, lead: 0xc0, least: 0x80 },
  { length: 3, mask: 0xf0, lead: 0xe0, least: 0x800 },
  { length: 4, mask: 0xf8, lead: 0xf0, least: 0x10000 },
] as const;
