import { quantity } from "../quantity.ts";
import type { Variant } from "../result.ts";
import { type Cell, type Column, columnNamed, nearestColumn, type Unit } from "./columns.ts";

/** What a line of the filter asks for: every term must hold. */
export interface Filter {
  readonly holds: (variant: Variant) => boolean;
  /** What is not understood, a sentence each; those terms are left out. */
  readonly problems: readonly string[];
}

/** What terms are about. */
export interface Filtered {
  readonly columns: readonly Column[];
  readonly front: ReadonlySet<number>;
  /** A variant in words, for terms that name no column. */
  readonly describe: (variant: Variant) => string;
}

type Test = (variant: Variant) => boolean;
type Compare = (a: number, b: number) => boolean;

const comparisons: Readonly<Record<string, Compare>> = {
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
};
const signs = /\s*(<=|>=|==|=|<|>)\s*/;

/** `params<5M front "stem=patch 2" latency=1..2ms tiny`: terms with blanks between them, all of which must hold. */
export function filterOf(text: string, about: Filtered): Filter {
  const terms = text.replaceAll(new RegExp(signs, "g"), "$1").match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  const read = terms.map(term => testOf(term.replaceAll('"', ""), about));
  const tests = read.filter(each => typeof each !== "string");
  return {
    holds: variant => tests.every(test => test(variant)),
    problems: read.filter(each => typeof each === "string"),
  };
}

function testOf(term: string, about: Filtered): Test | string {
  const { columns, front } = about;
  if (term === "front") return ({ index }) => front.has(index);
  const place = /^#(\d+)$/.exec(term);
  if (place !== null) return ({ index }) => index === Number(place[1]);
  const sign = signs.exec(term)?.[1];
  if (sign === undefined) return mentions(term.toLowerCase(), about);
  const [name = "", ...rest] = term.split(sign);
  const column = columnNamed(columns, name);
  return column === null ? unknown(name, columns) : comparing(column, sign, rest.join(sign));
}

const mentions =
  (word: string, { describe }: Filtered): Test =>
  variant =>
    `${describe(variant)} #${variant.index}`.toLowerCase().includes(word);

function unknown(name: string, columns: readonly Column[]): string {
  const nearest = nearestColumn(columns, name);
  return `no column '${name}'${nearest === null ? "" : `, did you mean '${nearest}'?`}`;
}

function comparing(column: Column, sign: string, wanted: string): Test | string {
  const { name, unit, of } = column;
  const isEqual = sign === "=" || sign === "==";
  if (unit === "text")
    return isEqual ? variant => same(of(variant), wanted) : `'${name}' holds words: ask for '${name}=…'`;
  const [from = "", to] = isEqual ? wanted.split("..") : [wanted];
  const low = quantity(from, unit);
  const high = to === undefined ? low : quantity(to, unit);
  if (low === null || high === null) return `'${wanted}' is no number: write '${name}${sign}${example[unit]}'`;
  if (to !== undefined) return numeric(of, value => low <= value && value <= high);
  const compare = comparisons[sign] as Compare;
  return numeric(of, value => compare(value, low));
}

const numeric =
  (of: Column["of"], test: (value: number) => boolean): Test =>
  variant => {
    const value = of(variant);
    return typeof value === "number" && test(value);
  };

const same = (cell: Cell, wanted: string): boolean => `${cell}`.toLowerCase() === wanted.toLowerCase();

const example: Readonly<Record<Exclude<Unit, "text">, string>> = {
  "": "5M",
  B: "12MB",
  ms: "2ms",
  "images/s": "1k",
};
