import type { Value } from "../syntax/ast.ts";
import {
  type Ends,
  type FieldType,
  type IntegerRule,
  type IntegerType,
  type NumberType,
  positiveFloat,
} from "./field-types.ts";

/** Which integers a rule allows, and how to get from any number to the next one below or above. */
const rules: {
  readonly [K in IntegerRule]: {
    readonly holds: (n: number) => boolean;
    readonly below: (n: number) => number;
    readonly above: (n: number) => number;
  };
} = {
  any: { holds: Number.isInteger, below: Math.floor, above: Math.ceil },
  odd: {
    holds: n => Math.abs(n % 2) === 1,
    below: n => 2 * Math.floor((n - 1) / 2) + 1,
    above: n => 2 * Math.ceil((n - 1) / 2) + 1,
  },
  "power of two": {
    holds: n => n >= 1 && Number.isInteger(Math.log2(n)),
    below: n => 2 ** Math.floor(Math.log2(Math.max(1, n))),
    above: n => 2 ** Math.ceil(Math.log2(Math.max(1, n))),
  },
};

export const legal = ({ min, max, rule }: IntegerType, n: number): boolean =>
  n >= min && n <= max && rules[rule].holds(n);

/** The legal values on both sides of a number, or the end of the range it lies beyond. */
export function nearestLegal({ min, max, rule }: IntegerType, n: number): readonly string[] {
  const { below, above } = rules[rule];
  const inside = Math.min(max, Math.max(min, n));
  const both = [Math.max(above(min), below(inside)), Math.min(below(max), above(inside))];
  return [...new Set(both)].filter(Number.isFinite).map(String);
}

/** The end of a range that a number lies beyond, where that is legal and a number that people write. */
export function nearestEnd(type: NumberType, n: number): readonly string[] {
  if (type === positiveFloat) return [];
  if (n < type.min && type.ends !== "open") return [`${type.min}`];
  return n > type.max && type.ends === "closed" ? [`${type.max}`] : [];
}

/** The multiples of `unit` around a number: what to write instead of it. */
export function nearestMultiples(n: number, unit: number): readonly string[] {
  const below = Math.floor(n / unit) * unit;
  return [below, below + unit].filter(multiple => multiple > 0).map(String);
}

export const oneOfWords = (words: readonly string[]): string =>
  words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** What exactly is legal: `an odd integer from 1 to 63`. */
export const describeType = (type: FieldType): string => (descriptions[type.kind] as (type: FieldType) => string)(type);

const named: { readonly [K in IntegerRule]: string } = {
  any: "an integer",
  odd: "an odd integer",
  "power of two": "a power of two",
};

const ranges: { readonly [K in Ends]: (range: { readonly min: number; readonly max: number }) => string } = {
  closed: ({ min, max }) => `a number from ${min} to ${max}`,
  "half-open": ({ min, max }) => `a number from ${min} to less than ${max}`,
  open: ({ min, max }) => `a number between ${min} and ${max}`,
};

type Phrases = { readonly [K in FieldType["kind"]]: (type: Extract<FieldType, { kind: K }>) => string };

const descriptions: Phrases = {
  integer: ({ min, max, rule }) => named[rule] + (max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`),
  number: type => (type === positiveFloat ? "a positive 32-bit float" : ranges[type.ends](type)),
  flag: () => "true or false",
  word: ({ words }) => oneOfWords(words),
  digest: () => "64 hexadecimal digits in quotes",
  labels: () => "a list of strings, or the name of a file",
  reference: () => "the name of a model",
  size: () => "HxWxC",
  batch: ({ of }) => describeType(of),
  range: ({ of }) => `a range inside ${of.min}..${of.max}`,
  list: ({ of }) => `a list of ${plural(of)}`,
  "one-or-many": ({ list }) => `${describeType(list.of)}, or a list of them`,
  measure: ({ word, of, others }) => oneOfWords([`'${word}' and ${describeType(of)}`, ...others]),
  optional: ({ word, of }) => `${word} or ${describeType(of)}`,
  group: ({ fields }) => `a group of ${oneOfWords(Object.keys(fields))}`,
  choice: ({ of }) => oneOfWords(Object.keys(of)),
};

/** What kind of thing is wanted, for a value that is of another: `an integer`, `a list of integers`. */
export const takes = (type: FieldType): string => (kinds[type.kind] as (type: FieldType) => string)(type);

const kinds: Phrases = {
  ...descriptions,
  integer: ({ rule }) => named[rule],
  number: () => "a number",
  size: () => "a size such as 224x224x3",
  batch: () => "a number or a range such as 1..8",
  range: ({ of }) => `a range such as 0.2..${of.max}`,
  "one-or-many": ({ list }) => `${takes(list.of)}, or a list of them`,
  measure: ({ word, others }) => oneOfWords([`a size such as '${word} 4'`, ...others]),
  optional: ({ word, of }) => `${word} or ${takes(of)}`,
  group: ({ fields }) => `a group such as { ${Object.keys(fields)[0] ?? ""} … }`,
  choice: ({ of }) => `${oneOfWords(Object.keys(of))} with a group of fields`,
};

const plural = (type: FieldType): string =>
  type.kind === "integer"
    ? named[type.rule].replace(/^an? /, "").replace("power of", "powers of").replace(/r$/, "rs")
    : takes(type).replace(/^an? (.*)$/, "$1s");

const written = { size: "a size", string: "a string", list: "a list", group: "a group" } as const;

/** What stands there instead, short. */
export function describeWritten(value: Value): string {
  if (value.kind === "number") return `the number ${value.text}`;
  if (value.kind === "word") return `the word '${value.text}'`;
  if (value.kind === "tagged")
    return `'${value.tag.text}' with ${value.value.kind === "number" ? "a number" : "a group"}`;
  if (value.kind === "range") return value.step === null ? "a range" : "a range with a step";
  return written[value.kind];
}
