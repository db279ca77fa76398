import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { FilePlace } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { readJson } from "../json/read.ts";
import { isObject } from "../json/shape.ts";

/** As many as a classifier may have classes. */
const mostLabels = 1_000_000;
const jsonLimits = { bytes: 64 * 1024 * 1024, values: 4 * mostLabels } as const;

/** Names of classes in their order, or why a text holds none. */
export type Labels = { readonly labels: readonly string[] } | { readonly problem: string };

/**
 * Names of classes in the forms in which people have them: one a line; a list as JSON; an object as JSON that gives every index a name
 * or every name an index; a config of transformers with such an id2label. ImageNet's [WordNet id, name] is the name.
 */
export function labelsIn(text: string): Labels {
  const begins = /^\uFEFF?\s*[[{]/.exec(text);
  return begins === null ? linesOf(text.replace(/^\uFEFF/, "")) : fromJson(text);
}

function linesOf(text: string): Labels {
  if (text === "") return { labels: [] };
  // Counted before they are made: there may be a thousand times too many.
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  if (lines > mostLabels + 1) return { problem: `it has ${lines} lines, more than a classifier has classes` };
  return { labels: text.replace(/\r?\n$/, "").split(/\r?\n/) };
}

function fromJson(text: string): Labels {
  let problem = "";
  const wrong = (place: FilePlace, why: string) => {
    problem = `as JSON, ${why}`;
    return error("labels-unreadable", place, problem);
  };
  const read = readJson({ file: "", bytes: utf8ToBytes(text), limits: jsonLimits, wrong });
  return read.ok ? labelsOf(read.value) : { problem };
}

/** The names in a value of JSON: a list, or an object of names by index, of indices by name, or with such an id2label. */
export function labelsOf(value: unknown): Labels {
  if (Array.isArray(value)) return ordered([...value.entries()]);
  if (!isObject(value)) return { problem: "it is neither a list nor an object" };
  if (isObject(value.id2label)) return labelsOf(value.id2label);
  const entries = Object.entries(value);
  const byName = entries.length > 0 && entries.every(([, index]) => Number.isInteger(index));
  return ordered(entries.map(([key, other]) => (byName ? [Number(other), key] : [Number(key), other])));
}

function ordered(entries: readonly (readonly [index: number, name: unknown])[]): Labels {
  const labels = new Map<number, string>();
  for (const [index, value] of entries) {
    const name = Array.isArray(value) ? value.at(-1) : value;
    if (typeof name !== "string") return { problem: "a label of it is no text" };
    if (labels.has(index)) return { problem: `two of its labels are of class ${index}` };
    labels.set(index, name);
  }
  const names = Array.from({ length: entries.length }, (_, index) => labels.get(index));
  const missing = names.indexOf(undefined);
  return missing < 0 ? { labels: names.map(name => name ?? "") } : { problem: `it has no label of class ${missing}` };
}
