import { capped, maxListed } from "../../diagnostics/capped.ts";
import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import type { TensorFile } from "../tensor.ts";
import { isKnown } from "./names.ts";
import { recognise } from "./recognise.ts";
import { prefixHint } from "./wrapped.ts";

/** `*` stands for a run of letters and digits; the nth of `to` is what the nth of `from` stood for. */
export interface RenameRule {
  readonly from: string;
  readonly to: string;
}

/** What a file's names are to be taken for. */
export interface NameChanges {
  /** The weights are what lies below it; null where they are not wrapped. */
  readonly stripPrefix: string | null;
  /** Each for the beginning of a name, one after another, each on what the one before left. */
  readonly rename: readonly RenameRule[];
}

/** Names a suggestion is chosen from. */
const maxCandidates = 1000;

/** A rule as it is written, `from=to`; what is wrong with it where it is none. */
export function parseRule(text: string): RenameRule | string {
  const at = text.indexOf("=");
  if (at <= 0) return "it is FROM=TO, with something on the left";
  const rule = { from: text.slice(0, at), to: text.slice(at + 1) };
  if (text.indexOf("=", at + 1) >= 0) return "it has one '='";
  const [left, right] = [rule.from, rule.to].map(side => side.split("*").length - 1);
  return left === right ? rule : `it has as many * on the right as on the left, ${left}`;
}

/**
 * The same file under other names. Tensors outside of `stripPrefix` stay where the dialect of those below it knows them,
 * and are beside them, with a warning, where it does not. A prefix or a rule that no name begins with is an error, and so
 * are two tensors that would have one name.
 */
export function changeNames(file: TensorFile, { stripPrefix, rename }: NameChanges): Result<TensorFile> {
  const all = [...file.tensors.keys()];
  const prefix = stripPrefix ?? "";
  const stripped = all.map((name): Taken => {
    const isBelow = name.startsWith(prefix);
    return { name, taken: isBelow ? name.slice(prefix.length) : name, isBelow };
  });
  if (all.length > 0 && !stripped.some(({ isBelow }) => isBelow)) return fail(noSuchPrefix(file, prefix));
  const renamed = renameAll(file, stripped, rename);
  if (!renamed.ok) return renamed;
  const below = renamed.value.filter(({ isBelow }) => isBelow);
  const found = recognise(below.map(({ taken }) => taken));
  if (prefix !== "" && found !== null && found.prefix !== "") {
    const problem = error("weights-prefix", placeOf(file), prefix + found.prefix, found.known, all.length);
    return fail(withNote(problem, prefixHint(prefix + found.prefix)));
  }
  const inside = new Set(below.map(({ taken }) => taken));
  const isUsed = ({ taken }: Taken) => found !== null && !inside.has(taken) && isKnown(taken, found.dialect);
  const used = renamed.value.filter(name => name.isBelow || isUsed(name));
  const twice = namedTwice(file, used);
  if (twice.length > 0) return fail(...capped(twice));
  const beside = renamed.value.filter(name => !name.isBelow && !isUsed(name)).map(({ name }) => name);
  return ok(underOtherNames(file, used), beside.length === 0 ? [] : [besideWarning(file, prefix, beside)]);
}

/** A name in the file and what it is taken for. */
interface Taken {
  readonly name: string;
  readonly taken: string;
  readonly isBelow: boolean;
}

const placeOf = ({ name }: TensorFile): FilePlace => ({ file: name, offset: null });

/** The prefix below which names are known is the nearest of all. */
function noSuchPrefix(file: TensorFile, prefix: string): Diagnostic {
  const all = [...file.tensors.keys()];
  const begins = new Set(all.map(name => name.slice(0, name.indexOf(".") + 1)).filter(begin => begin !== ""));
  const right = recognise(all)?.prefix ?? "";
  const nearest = right === "" ? nearestOf([...begins].slice(0, maxCandidates))(prefix) : right;
  return error("weights-name-unmatched", placeOf(file), "--strip-prefix", prefix, nearest);
}

function besideWarning(file: TensorFile, prefix: string, beside: readonly string[]): Diagnostic {
  const listed = beside.slice(0, maxListed);
  const told = warning("weights-beside", placeOf(file), listed, beside.length - listed.length, prefix);
  return withNote(told, "--rename FROM=TO takes names outside of it for others");
}

function renameAll(file: TensorFile, names: readonly Taken[], rules: readonly RenameRule[]): Result<readonly Taken[]> {
  let renamed = names;
  for (const rule of rules) {
    const apply = ruleOf(rule);
    const made = renamed.map(({ taken }) => apply(taken));
    if (made.every(name => name === null)) {
      const nearest = nearestOf(renamed.slice(0, maxCandidates).map(({ taken }) => taken))(rule.from);
      return fail(error("weights-name-unmatched", placeOf(file), "--rename", rule.from, nearest));
    }
    renamed = renamed.map((name, k) => ({ ...name, taken: made[k] ?? name.taken }));
  }
  return ok(renamed);
}

function namedTwice(file: TensorFile, names: readonly Taken[]): readonly Diagnostic[] {
  const first = new Map<string, string>();
  return names.flatMap(({ name, taken }) => {
    const other = first.get(taken);
    first.set(taken, other ?? name);
    const place = file.tensors.get(name)?.place ?? placeOf(file);
    return other === undefined ? [] : [error("weights-renamed-twice", place, other, name, taken)];
  });
}

/** What a rule makes of a name, or null where the name does not begin so. Each run is taken whole: there is one way. */
function ruleOf({ from, to }: RenameRule): (name: string) => string | null {
  const [start = "", ...between] = from.split("*");
  const [begin = "", ...after] = to.split("*");
  return name => {
    if (!name.startsWith(start)) return null;
    let at = start.length;
    let made = begin;
    for (const [k, text] of between.entries()) {
      const run = /^[A-Za-z0-9]+/.exec(name.slice(at))?.[0];
      if (run === undefined || !name.startsWith(text, at + run.length)) return null;
      at += run.length + text.length;
      made += run + (after[k] ?? "");
    }
    return made + name.slice(at);
  };
}

/** Those tensors alone, under the names that they are taken for. */
function underOtherNames(file: TensorFile, names: readonly Taken[]): TensorFile {
  const original = new Map(names.map(({ name, taken }) => [taken, name]));
  const tensors = names.flatMap(({ name, taken }) => {
    const tensor = file.tensors.get(name);
    return tensor === undefined ? [] : [[taken, { ...tensor, name: taken }] as const];
  });
  const nameIn = (name: string): string => original.get(name) ?? name;
  const { parts, range } = file;
  return {
    ...file,
    tensors: new Map(tensors),
    bytes: name => file.bytes(nameIn(name)),
    ...(parts === undefined ? {} : { parts: name => parts(nameIn(name)) }),
    ...(range === undefined ? {} : { range: (name, from, length) => range(nameIn(name), from, length) }),
  };
}
