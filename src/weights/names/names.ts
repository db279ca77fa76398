import {
  type Dialect,
  dialects,
  type Layout,
  type Length,
  type ModelPart,
  nameRows,
  type StemKind,
} from "./name-rows.ts";

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
  "2i+1": {
    pattern: "[13579]|[1-9][13579]",
    read: text => ["i", `${(Number(text) - 1) / 2}`],
    write: values => `${2 * Number(values.get("i")) + 1}`,
  },
  "2s": {
    pattern: "[2468]|[1-9][02468]",
    read: text => ["s", `${Number(text) / 2}`],
    write: values => `${2 * Number(values.get("s"))}`,
  },
  p: field("p", "weight|bias"),
  kernel: {
    pattern: "kernel|bias",
    read: text => ["p", text === "kernel" ? "weight" : text],
    write: values => (values.get("p") === "weight" ? "kernel" : "bias"),
  },
  final: field("final", "0|[1-9][0-9]?"),
  base: field("base", "convnextv2\\.|convnext\\.|", "convnextv2."),
  encoder: field("encoder", "encoder\\.|", "encoder."),
  layer: { pattern: "\\.(?:0|[1-9][0-9]?)|", read: text => ["layer", text], write: () => "" },
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

type Rows = typeof nameRows;

const patternsOf = (rows: Rows, dialect: Dialect): readonly string[] =>
  rows.flatMap(row => (row[dialect] === null ? [] : [patternOf(row[dialect])]));

/** One of several patterns, from where `lastIndex` is to the end. */
const oneOf = (patterns: readonly string[]): RegExp => new RegExp(`(?:${patterns.join("|")})$`, "y");

const byDialect = (rows: Rows) =>
  Object.fromEntries(dialects.map(dialect => [dialect, oneOf(patternsOf(rows, dialect))])) as Readonly<
    Record<Dialect, RegExp>
  >;

/** What a name that nobody knows is turned away by. */
const anywhere = oneOf([...new Set(dialects.flatMap(dialect => patternsOf(nameRows, dialect)))]);
const anyName = byDialect(nameRows);
const anyBlock = byDialect(nameRows.filter(({ official }) => official?.startsWith("stages.")));

const testAt = (regex: RegExp, name: string, at: number): boolean => {
  regex.lastIndex = at;
  return regex.test(name);
};

/** Whether a dialect knows what is left of a name from an index on. */
export const isKnown = (name: string, dialect: Dialect, at = 0): boolean => testAt(anyName[dialect], name, at);

/** Whether any dialect does. */
export const isKnownAnywhere = (name: string, at: number): boolean => testAt(anywhere, name, at);

/** Whether that is a tensor of a block, whose names no other network has by chance. */
export const isOfBlock = (name: string, dialect: Dialect, at = 0): boolean => testAt(anyBlock[dialect], name, at);

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
  if (!isKnown(name, from)) return null;
  for (const { row, regexes } of compiled) {
    const regex = regexes[from];
    const source = row[from];
    const values = regex === null || source === null ? null : match(source, regex, name);
    if (values === null || (values.has("final") && values.get("final") !== context.get("final"))) continue;
    // Other dialects have this stem alone.
    if (row.stem !== undefined && from.startsWith("timm") && row.stem !== (context.get("stem") ?? "patch")) continue;
    const target = row[to];
    if (target === null || (target.includes("{final}") && !context.has("final"))) return null;
    const isBias = values.get("p") === "bias";
    const lengths = row.shape.map(length => (typeof length === "number" ? length : fill(length, values)));
    const shape = isBias ? lengths.slice(0, 1) : lengths;
    return { name: fill(target, new Map([...context, ...values])), part: row.part, shape, layout: row.layout, isBias };
  }
  return null;
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

/** A stem of timm by its last module: that of patches has two, one of convolutions three, or four with an activation. */
function stemOf(names: readonly string[]): StemKind {
  const places = names.flatMap(name => /^stem[._](\d)\./.exec(name)?.[1] ?? []).map(Number);
  return (["overlap_act", "overlap"] as const).find((_, i) => places.includes(3 - i)) ?? "patch";
}

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
  const stem = dialect.startsWith("timm") ? stemOf(names) : null;
  if (stem !== null) context.set("stem", stem);
  if (dialect === "official" && !names.some(name => name.includes(".grn."))) context.set("base", "convnext.");
  return context;
}
