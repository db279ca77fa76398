import type { Diagnostic, Span } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { type Nearest, nearestOf } from "../diagnostics/nearest.ts";
import type { GroupValue, NumberValue, Value, Field as WrittenField } from "../syntax/ast.ts";
import type {
  BatchType,
  Fields,
  FieldType,
  IntegerType,
  Located,
  RangeType,
  Settings,
  ValueOf,
} from "./field-types.ts";
import { labelsIn } from "./labels.ts";
import { describeType, describeWritten, legal, nearestEnd, nearestLegal, takes } from "./legal.ts";

export type Report = (diagnostic: Diagnostic) => void;

/**
 * The checked value of a field, or null where it is wrong, and then it was reported. `path` is the field as a person
 * would name it: `dims[2]`, `head.classes`.
 */
export function read<T extends FieldType>(
  type: T,
  value: Value,
  path: string,
  report: Report,
): Located<ValueOf<T>> | null {
  const reader = readers[type.kind] as Reader<FieldType>;
  const result = reader(type, value, path, report);
  return result === null ? null : ({ value: result.value, span: value.span } as Located<ValueOf<T>>);
}

type Reader<T extends FieldType> = (
  type: T,
  value: Value,
  path: string,
  report: Report,
) => { readonly value: ValueOf<T> } | null;

const readers: { readonly [K in FieldType["kind"]]: Reader<Extract<FieldType, { kind: K }>> } = {
  integer: (type, value, path, report) => {
    const written = numberIn(type, value, path, report);
    if (written === null) return null;
    return integerIn(type, written, path, value.span, report);
  },
  number: (type, value, path, report) => {
    const written = numberIn(type, value, path, report);
    if (written === null) return null;
    const { min, max, ends } = type;
    const { value: n } = written;
    if (n > min && n < max) return { value: n };
    if ((n === min && ends !== "open") || (n === max && ends === "closed")) return { value: n };
    report(error("out-of-range", value.span, path, written.text, describeType(type), nearestEnd(type, n)));
    return null;
  },
  flag: (type, value, path, report) => {
    if (value.kind !== "word") return wrongType(type, value, path, report);
    if (value.text === "true" || value.text === "false") return { value: value.text === "true" };
    report(
      error("unknown-word", value.span, path, value.text, describeType(type), nearestOf(["true", "false"])(value.text)),
    );
    return null;
  },
  word: (type, value, path, report) => {
    if (value.kind !== "word") return wrongType(type, value, path, report);
    const known = type.words.find(word => word === value.text);
    if (known !== undefined) return { value: known };
    report(error(type.unknown, value.span, path, value.text, describeType(type), nearestOf(type.words)(value.text)));
    return null;
  },
  digest: (type, value, path, report) => {
    if (value.kind !== "string") return wrongType(type, value, path, report);
    if (/^[0-9a-f]{64}$/i.test(value.text)) return { value: value.text.toLowerCase() };
    report(error("out-of-range", value.span, path, value.text, describeType(type), []));
    return null;
  },
  labels: (type, value, path, report) => {
    if (value.kind === "list") {
      const strings = value.items.flatMap(item => (item.kind === "string" ? [item.text] : []));
      const other = value.items.find(({ kind }) => kind !== "string");
      return other === undefined ? { value: strings } : wrongType(type, other, `an entry of ${path}`, report);
    }
    if (value.kind !== "string") return wrongType(type, value, path, report);
    const found =
      value.contents === undefined ? { problem: "nothing here reads files" } : labelsIn(value.contents.text);
    if ("labels" in found) return { value: found.labels };
    report(error("labels-unnamed", value.span, value.text, found.problem));
    return null;
  },
  reference: (type, value, path, report) =>
    value.kind === "word" ? { value: value.text } : wrongType(type, value, path, report),
  size: (type, value, path, report) => {
    if (value.kind !== "size") return wrongType(type, value, path, report);
    const sides = ["height", "width", "channels"] as const;
    const written = value.text.split("x");
    const [height, width, channels] = value.parts.map((part, i) =>
      integerIn(type.of, { value: part, text: written[i] ?? "" }, `${path} ${sides[i]}`, value.span, report),
    );
    if (!height || !width || !channels) return null;
    return { value: { height: height.value, width: width.value, channels: channels.value } };
  },
  batch: (type, value, path, report) => {
    if (value.kind === "number") {
      const one = read(type.of, value, path, report);
      return one && { value: { min: one.value, max: one.value } };
    }
    return rangeIn(type, value, path, report);
  },
  range: (type, value, path, report) => rangeIn(type, value, path, report),
  list: (type, value, path, report) => {
    if (value.kind !== "list") return wrongType(type, value, path, report);
    const { items } = value;
    if (items.length === 0 && type.empty === "empty-list") {
      report(error("empty-list", value.span, path));
      return null;
    }
    if (items.length < type.min || items.length > type.max) {
      report(error("list-length", value.span, path, items.length, type.min, type.max));
      return null;
    }
    const entries = items.map((item, i) => read(type.of, item, type.distinct ? path : `${path}[${i}]`, report));
    const twice = type.distinct && reportTwice(entries, path, report);
    return twice || entries.includes(null) ? null : { value: entries.filter(entry => entry !== null) };
  },
  "one-or-many": (type, value, path, report) => {
    const expected = value.kind === "list" ? type.list : type.list.of;
    if (value.kind === "list") return read(type.list, value, path, report);
    const isNumber = expected.kind === "integer" || expected.kind === "number";
    if (isNumber ? value.kind !== "number" : value.kind !== "word") {
      return wrongType(type, value, path, report);
    }
    const one = read(type.list.of, value, path, report);
    return one && { value: one };
  },
  measure: (type, value, path, report) => {
    if (value.kind === "word") {
      const known = type.others.find(word => word === value.text);
      if (known !== undefined) return { value: known };
      const nearest = nearestOf(type.others)(value.text);
      report(error("unknown-word", value.span, path, value.text, describeType(type), nearest));
      return null;
    }
    if (value.kind !== "tagged" || value.value.kind !== "number") return wrongType(type, value, path, report);
    if (value.tag.text === type.word) return read(type.of, value.value, `${path} ${type.word}`, report);
    report(error("unknown-word", value.tag.span, path, value.tag.text, describeType(type), null));
    return null;
  },
  optional: (type, value, path, report) => {
    if (value.kind === "number") return read(type.of, value, path, report);
    if (value.kind !== "word") return wrongType(type, value, path, report);
    if (value.text === type.word) return { value: null };
    if (notFinite(value.text, value.span, report)) return null;
    report(error("unknown-word", value.span, path, value.text, describeType(type), nearestOf([type.word])(value.text)));
    return null;
  },
  group: (type, value, path, report) => {
    if (value.kind !== "group") return wrongType(type, value, path, report);
    const settings = readFields(type.fields, value.fields, { owner: path, path: `${path}.` }, report);
    return settings && { value: settings };
  },
  choice: (type, value, path, report) => {
    const bare = value.kind === "word";
    if (!bare && (value.kind !== "tagged" || value.value.kind !== "group")) return wrongType(type, value, path, report);
    const tag = bare ? value : value.tag;
    const fields = Object.hasOwn(type.of, tag.text) ? type.of[tag.text] : undefined;
    if (fields === undefined) {
      const nearest = nearestOf(Object.keys(type.of))(tag.text);
      report(error("unknown-word", tag.span, path, tag.text, describeType(type), nearest));
      return null;
    }
    const written = bare ? [] : (value.value as GroupValue).fields;
    const settings = readFields(fields, written, { owner: tag.text, path: `${path}.` }, report);
    return settings && { value: { kind: tag.text, settings } };
  },
};

/**
 * The fields of a group. Null where one of them is wrong; those that are right are then of no use, because whatever
 * is computed from them would be blamed on the wrong place.
 */
export function readFields<F extends Fields>(
  fields: F,
  written: readonly WrittenField[],
  where: { readonly owner: string; readonly path: string },
  report: Report,
): Settings<F> | null {
  const nearest = nearestField(fields);
  const seen = new Map<string, WrittenField>();
  const settings = new Map<string, Located<unknown>>();
  let right = true;
  for (const item of written) {
    const name = item.name.text;
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const before = seen.get(name);
    if (known === undefined) {
      report(error("unknown-field", item.name.span, where.owner, name, nearest(name)));
    } else if (before !== undefined) {
      const path = where.path + name;
      report(withNote(error("duplicate-field", item.name.span, path), "first given", before.name.span));
    }
    const result = known && read(known.type, item.value, where.path + name, report);
    right &&= Boolean(result) && before === undefined;
    if (result) settings.set(name, result);
    if (before === undefined) seen.set(name, item);
  }
  return right ? (Object.fromEntries(settings) as Settings<F>) : null;
}

/** The field that a word is meant for: what it is called elsewhere, or what is spelled like it. */
export function nearestField(fields: Fields): Nearest {
  const names = nearestOf(Object.keys(fields));
  const known = (word: string) => Object.entries(fields).find(([, { elsewhere }]) => elsewhere.includes(word))?.[0];
  return word => known(word) ?? names(word);
}

function rangeIn(type: BatchType | RangeType, value: Value, path: string, report: Report) {
  if (value.kind !== "range" || value.step !== null) return wrongType(type, value, path, report);
  const min = read(type.of, value.from, path, report);
  const max = read(type.of, value.to, path, report);
  if (!min || !max) return null;
  if (min.value <= max.value) return { value: { min: min.value, max: max.value } };
  report(error("empty-range", value.span, path, value.from.text, value.to.text));
  return null;
}

function wrongType(type: FieldType, value: Value, path: string, report: Report): null {
  report(error("wrong-type", value.span, path, takes(type), describeWritten(value)));
  return null;
}

function numberIn(type: FieldType, value: Value, path: string, report: Report): NumberValue | null {
  if (value.kind === "number") return value;
  if (value.kind === "word" && notFinite(value.text, value.span, report)) return null;
  return wrongType(type, value, path, report);
}

/** `NaN` is a word to the grammar; to whoever wrote it, it was a number. */
function notFinite(text: string, span: Span, report: Report): boolean {
  if (!/^(nan|inf|infinity)$/i.test(text)) return false;
  report(error("not-finite", span, text));
  return true;
}

function integerIn(
  type: IntegerType,
  { value, text }: { readonly value: number; readonly text: string },
  path: string,
  span: Span,
  report: Report,
): { readonly value: number } | null {
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    report(error("not-an-integer", span, path, text, nearestLegal({ ...type, rule: "any" }, value)));
    return null;
  }
  if (legal(type, value)) return { value };
  report(error("out-of-range", span, path, text, describeType(type), nearestLegal(type, value)));
  return null;
}

function reportTwice(entries: readonly (Located<unknown> | null)[], path: string, report: Report): boolean {
  const first = new Map<unknown, Span>();
  let twice = false;
  for (const entry of entries) {
    if (entry === null) continue;
    const before = first.get(entry.value);
    if (before === undefined) first.set(entry.value, entry.span);
    else report(withNote(error("duplicate-value", entry.span, path, String(entry.value)), "first given", before));
    twice ||= before !== undefined;
  }
  return twice;
}
