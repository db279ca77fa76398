import { type Dialect, dialects, type Layout, type Length, type ModelPart, nameRows } from "./name-rows.ts";

export { type Dialect, dialects } from "./name-rows.ts";

type Values = ReadonlyMap<string, string>;

/** What only a file as a whole can say: the `base` that is usual in it, the `final` stage. */
export type Context = Values;

/** What stands in a pair of braces: which texts, what a text says, and what is written for it. */
interface Field {
  readonly pattern: string;
  readonly read: (text: string) => readonly [key: string, value: string];
  readonly write: (values: Values) => string;
}

const field = (key: string, pattern: string, otherwise = ""): Field => ({
  pattern,
  read: text => [key, text],
  write: values => values.get(key) ?? otherwise,
});

/** A stage, counted from 1 where the shift is 1. */
const stage = (key: string, pattern: string, shift: number): Field => ({
  pattern,
  read: text => [key, `${Number(text) - shift}`],
  write: values => `${Number(values.get(key)) + shift}`,
});

const fields: Readonly<Record<string, Field>> = {
  i: field("i", "0|[1-9][0-9]?"),
  "i+1": stage("i", "[1-9][0-9]?", 1),
  j: field("j", "0|[1-9][0-9]{0,4}"),
  s: field("s", "[1-9][0-9]?"),
  "s-1": stage("s", "0|[1-9][0-9]?", -1),
  p: field("p", "weight|bias"),
  kernel: {
    pattern: "kernel|bias",
    read: text => ["p", text === "kernel" ? "weight" : text],
    write: values => (values.get("p") === "weight" ? "kernel" : "bias"),
  },
  final: field("final", "0|[1-9][0-9]?"),
  base: field("base", "convnextv2\\.|convnext\\.|", "convnextv2."),
  encoder: field("encoder", "encoder\\.|", "encoder."),
};

/** Text, field, text, field, …, text. */
const split = (template: string): readonly string[] => template.split(/[{}]/);

const patternOf = (template: string): string =>
  split(template)
    .map((piece, k) => (k % 2 === 0 ? piece.replaceAll(".", "\\.") : `(${fields[piece]?.pattern})`))
    .join("");

/** The fields' values in a name of that template, or null. */
function match(template: string, regex: RegExp, name: string): Values | null {
  const found = regex.exec(name);
  if (found === null) return null;
  const keys = split(template).filter((_, k) => k % 2 === 1);
  return new Map(keys.flatMap((key, k) => [fields[key]?.read(found[k + 1] ?? "") ?? []] as [string, string][]));
}

const fill = (template: string, values: Values): string =>
  split(template)
    .map((piece, k) => (k % 2 === 0 ? piece : (fields[piece]?.write(values) ?? "")))
    .join("");

const templatesOf = (dialect: Dialect): readonly string[] =>
  nameRows.map(row => row[dialect]).filter(template => template !== null);

/** Of each dialect, all its names in one: what a name that nobody knows is turned away by. */
const anyName = Object.fromEntries(
  dialects.map(dialect => [dialect, new RegExp(`^(?:${templatesOf(dialect).map(patternOf).join("|")})$`)]),
) as Readonly<Record<Dialect, RegExp>>;

const compiled = nameRows.map(row => ({
  row,
  regexes: Object.fromEntries(
    dialects.map(dialect => [dialect, row[dialect] === null ? null : new RegExp(`^${patternOf(row[dialect])}$`)]),
  ) as Readonly<Record<Dialect, RegExp | null>>,
}));

export interface KnownName {
  readonly name: string;
  readonly part: ModelPart;
  /** Its official shape, in lengths that tensors share: `dim2`, `last`. */
  readonly shape: readonly Length[];
  readonly layout: Layout;
  readonly isBias: boolean;
}

/**
 * A name of one dialect in another, or null where the one does not know it or the other has no such tensor. `context`
 * is written for fields that the name does not have, and tells `backbone.norm3` of a classifier from that of a feature
 * head.
 */
export function translate(name: string, from: Dialect, to: Dialect, context: Context = new Map()): KnownName | null {
  if (!anyName[from].test(name)) return null;
  for (const { row, regexes } of compiled) {
    const regex = regexes[from];
    const source = row[from];
    const values = regex === null || source === null ? null : match(source, regex, name);
    if (values === null || (values.has("final") && values.get("final") !== context.get("final"))) continue;
    const target = row[to];
    if (target === null || (target.includes("{final}") && !context.has("final"))) return null;
    const isBias = values.get("p") === "bias";
    const lengths = row.shape.map(length => (typeof length === "number" ? length : fill(length, values)));
    const shape = isBias ? lengths.slice(0, 1) : lengths;
    return { name: fill(target, new Map([...context, ...values])), part: row.part, shape, layout: row.layout, isBias };
  }
  return null;
}

/** How many of the names a dialect knows. */
export const knownNames = (names: readonly string[], dialect: Dialect): number =>
  names.filter(name => anyName[dialect].test(name)).length;

/** The dialect that knows most of the names; null where none knows any. */
export function detectDialect(names: readonly string[]): Dialect | null {
  const counts = dialects.map(dialect => knownNames(names, dialect));
  const most = Math.max(...counts);
  return most === 0 ? null : (dialects[counts.indexOf(most)] ?? null);
}

/** The largest number that is group 1 of a pattern among the names, as it stands there. */
const largest = (names: readonly string[], pattern: RegExp): string | undefined =>
  names
    .flatMap(name => pattern.exec(name)?.[1] ?? [])
    .reduce<string | undefined>(
      (most, next) => (most === undefined || Number(next) > Number(most) ? next : most),
      undefined,
    );

const lastStage: Partial<Record<Dialect, RegExp>> = {
  official: /^stages\.(\d+)\./,
  mmpretrain: /^backbone\.stages\.(\d+)\./,
};

/**
 * What a file's names say together. Official names say which stage is the last, and whether there is a GRN: Hugging
 * Face has a model of its own for V1, whose blocks have none. MMPretrain's LayerNorm of the last stage is a
 * classifier's final one where there is a classifier, or where no other stage has one; else it is a feature head's.
 */
export function contextOf(names: readonly string[], dialect: Dialect): Context {
  const last = largest(names, lastStage[dialect] ?? /$^/);
  const context = new Map<string, string>();
  const isHead = (name: string) => name.startsWith("head.fc.");
  const isOther = (name: string) => name.startsWith("backbone.norm") && !name.startsWith(`backbone.norm${last}.`);
  if (last !== undefined && (dialect !== "mmpretrain" || names.some(isHead) || !names.some(isOther)))
    context.set("final", last);
  if (dialect === "official" && !names.some(name => name.includes(".grn."))) context.set("base", "convnext.");
  return context;
}
