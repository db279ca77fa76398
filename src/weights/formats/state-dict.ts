import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import { isKnown } from "../names/names.ts";
import { mostKnown, recognise } from "../names/recognise.ts";
import { shellWord } from "../names/wrapped.ts";
import { maxTensors } from "./header.ts";
import type { Unpickled } from "./pickle.ts";
import { foreignProblem } from "./pickle-foreign.ts";
import { type Dict, type Entry, type Foreign, isType, type Value } from "./pickle-values.ts";
import type { NamedTensor } from "./tensor-view.ts";

/** Where training scripts keep the weights in what they save, in the order of preference. */
const usualKeys = ["model", "state_dict", "model_state_dict", "module", "model_ema", "state_dict_ema", "ema"] as const;
/** Names listed in one sentence. */
const maxNamed = 5;
/** Dictionaries in dictionaries that are looked into. */
const maxLevels = 4;
/** Dictionaries that are looked at; a checkpoint of several models and averages of them has a few. */
const maxDictionaries = 1000;

export interface StateDict {
  readonly tensors: readonly NamedTensor[];
  /** A warning that names what lies beside the weights. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A dictionary with tensors in it, and the keys that lead there from the top. */
interface Candidate {
  readonly path: readonly string[];
  readonly dict: Dict;
  readonly names: readonly string[];
}

const pathOf = ({ path }: Candidate): string => path.join(".");

/**
 * The weights in what torch.save saved: the dictionary under `key` where one is asked for, keys of several levels with
 * dots between them; else of all dictionaries the one with most names known from a ConvNeXt; where none has any, the
 * dictionary itself if one of its values is a tensor, or the first under one of `usualKeys`. Everything else is left where
 * it is, with one warning. What is foreign spoils the file only where a weight is, or where no name is known, since the
 * weights may be what could not be made. Names stay as they are, prefixes too. Throws a `Failure`.
 */
export function findStateDict(file: string, { value: saved, foreign }: Unpickled, key: string | null): StateDict {
  if (isType(saved, "dict")) byName(file, saved);
  const all = dictionariesIn(saved);
  if (key !== null) {
    const named = all.find(candidate => pathOf(candidate) === key);
    if (named === undefined) throw new Failure(noSuchKey(file, all, key));
    return stateOf(file, saved, named, [], foreign);
  }
  const [best, ...rivals] = mostKnown(all);
  if (best !== undefined) return stateOf(file, saved, best, rivals, foreign);
  const [first] = foreign;
  if (first !== undefined) throw new Failure(withKeys(foreignProblem(file, first), all));
  const found = usual(all);
  if (found !== undefined) return stateOf(file, saved, found, [], foreign);
  const hint = "save the weights alone: torch.save(model.state_dict(), …)";
  const none = error("state-none", { file, offset: null }, usualKeys);
  throw new Failure(withKeys(withNote(none, hint), all));
}

/** Every dictionary with tensors in it, once: that at the top, those under usual keys, the others from the top down. */
function dictionariesIn(saved: Value): readonly Candidate[] {
  const seen = new Set<Value>();
  const found: Candidate[] = [];
  let level: readonly { readonly path: readonly string[]; readonly value: Value }[] = [{ path: [], value: saved }];
  for (let depth = 0; depth <= maxLevels && level.length > 0; depth++) {
    const next: { path: readonly string[]; value: Value }[] = [];
    for (const { path, value } of level) {
      if (!isType(value, "dict") || seen.has(value) || seen.size === maxDictionaries) continue;
      seen.add(value);
      const texts = value.entries.filter(isNamed);
      const names = texts.flatMap(({ key, value }) => (isTensor(value) ? [key] : []));
      if (names.length > 0) found.push({ path, dict: value, names });
      for (const { key, value } of texts) if (isType(value, "dict")) next.push({ path: [...path, key], value });
    }
    level = next;
  }
  return found.sort((a, b) => rankOf(a) - rankOf(b) || a.path.length - b.path.length);
}

/** The top comes first, then what is under usual keys. */
function rankOf({ path: [first] }: Candidate): number {
  if (first === undefined) return -1;
  const rank = (usualKeys as readonly string[]).indexOf(first);
  return rank < 0 ? usualKeys.length : rank;
}

const isNamed = (entry: Entry): entry is Entry & { readonly key: string } => typeof entry.key === "string";

/** Or what would have been one, as far as is known. */
const isTensor = (value: Value): boolean => isType(value, "tensor") || isType(value, "foreign");

const holdsTensors = ({ dict }: Candidate): boolean => dict.entries.some(({ value }) => isType(value, "tensor"));

/** Where weights of other names lie: at the top, or right under the first usual key. */
const usual = (all: readonly Candidate[]): Candidate | undefined =>
  all.find(
    candidate =>
      holdsTensors(candidate) &&
      (candidate.path.length === 0 ||
        (candidate.path.length === 1 && (usualKeys as readonly string[]).includes(pathOf(candidate)))),
  );

/** With the keys that could have been asked for. */
function withKeys(problem: Diagnostic, all: readonly Candidate[]): Diagnostic {
  const keys = all.flatMap(candidate =>
    candidate.path.length > 0 && holdsTensors(candidate) ? [pathOf(candidate)] : [],
  );
  return keys.length === 0 ? problem : withNote(problem, keyHint(keys));
}

function keyHint(keys: readonly string[]): string {
  const listed = keys.slice(0, maxNamed).map(key => `--key ${shown(shellWord(key))}`);
  return `${listed.join(", ")}${keys.length > maxNamed ? ", …" : ""} takes the tensors under that key`;
}

function noSuchKey(file: string, all: readonly Candidate[], key: string): Diagnostic {
  const keys = all.map(pathOf).filter(path => path !== "");
  const nearest = nearestOf(keys)(key) ?? null;
  return withKeys(error("state-no-key", { file, offset: null }, key, nearest), all);
}

/** What stands under names in a dictionary; one that stands twice is refused. */
function byName(file: string, { entries }: Dict): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const { key, value, at } of entries) {
    if (typeof key !== "string") continue;
    if (found.has(key)) throw new Failure(error("state-key-twice", { file, offset: at }, key));
    found.set(key, value);
  }
  return found;
}

function stateOf(
  file: string,
  saved: Value,
  { path, dict, names }: Candidate,
  rivals: readonly Candidate[],
  foreign: readonly Foreign[],
): StateDict {
  byName(file, dict);
  const found = recognise(names);
  const tensors: NamedTensor[] = [];
  const ignored = [...besides(saved, path)];
  for (const { key, value, at } of dict.entries) {
    const place = { file, offset: at };
    if (typeof key !== "string") throw new Failure(error("state-key", place));
    const isWeight = found !== null && key.startsWith(found.prefix) && isKnown(key, found.dialect, found.prefix.length);
    if (isType(value, "foreign") && isWeight) throw new Failure(foreignProblem(file, value));
    if (!isType(value, "tensor")) ignored.push(key);
    else if (tensors.length === maxTensors) throw new Failure(error("weights-limit-tensors", place, maxTensors));
    else tensors.push({ name: key, tensor: value, place });
  }
  if (ignored.length === 0) return { tensors, diagnostics: [] };
  const under = path.length === 0 ? null : path.join(".");
  const named = ignored.slice(0, maxNamed);
  const told = warning("state-ignored", { file, offset: null }, under, named, Math.max(0, ignored.length - maxNamed));
  return { tensors, diagnostics: [withKeys(withForeign(told, foreign), rivals)] };
}

/** Keys that lead elsewhere, on the way to the weights. */
function besides(saved: Value, path: readonly string[]): readonly string[] {
  let at = saved;
  return path.flatMap((key, level) => {
    const entries = isType(at, "dict") ? at.entries.filter(isNamed) : [];
    at = entries.find(entry => entry.key === key)?.value ?? null;
    return entries.flatMap(entry => (entry.key === key ? [] : [[...path.slice(0, level), entry.key].join(".")]));
  });
}

function withForeign(told: Diagnostic, foreign: readonly Foreign[]): Diagnostic {
  if (foreign.length === 0) return told;
  const names = foreign.slice(0, maxNamed).map(({ name }) => shown(name));
  const more = foreign.length > maxNamed ? ", …" : "";
  return withNote(
    told,
    `nothing is made of ${names.join(", ")}${more}, which the pickle asks for there, and nothing is run`,
  );
}
