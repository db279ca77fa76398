import { fail, type Result } from "../diagnostics/diagnostic.ts";
import { shown } from "../diagnostics/escape.ts";
import { error } from "../diagnostics/messages.ts";
import { isObject } from "../json/shape.ts";
import type { Json } from "./draft.ts";

/**
 * What becomes of a field of a config: `read` for the spec or for a note of its own, or `harmless`, as it says nothing
 * of the network and of how pictures come to it. A field that no table has is told by its name.
 */
export type Account =
  | "read"
  | "harmless"
  /** Another value would be another network, one that cnxc cannot express. */
  | { readonly only: readonly unknown[] }
  | { readonly fields: FieldTable };

export type FieldTable = Readonly<Record<string, Account>>;

/** The same account for many fields. */
export const all = (account: Account, names: readonly string[]): FieldTable =>
  Object.fromEntries(names.map(name => [name, account]));

/** Carries the field that stops a reading to whoever asked for it. */
export class FieldError extends Error {
  readonly field: string;
  readonly value: unknown;
  readonly wanted: string;
  constructor(field: string, value: unknown, wanted: string) {
    super(field);
    this.field = field;
    this.value = value;
    this.wanted = wanted;
  }
}

/** What a reading gives, or the field that stopped it. */
export function catchingFields<T>(file: string, read: () => Result<T>): Result<T> {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof FieldError)) throw cause;
    const { field, value, wanted } = cause;
    const said = JSON.stringify(value) ?? "not there";
    return fail(error("import-field", { file, offset: null }, field, said, wanted));
  }
}

/** A field's value, or its default where it is not there or null. */
export type Reader = <T>(name: string, byDefault: T, wanted: string, is: (value: unknown) => value is T) => T;

/** Reads the fields of a config, or of a part of one that `path` leads to. */
export const readerOf =
  (config: Json, path = ""): Reader =>
  (name, byDefault, wanted, is) => {
    const value = Object.hasOwn(config, name) ? (config[name] ?? byDefault) : byDefault;
    if (!is(value)) throw new FieldError(path + name, config[name], wanted);
    return value;
  };

/** The same of a field of the config itself. */
export const field = <T>(config: Json, ...asked: [string, T, string, (value: unknown) => value is T]): T =>
  readerOf(config)(...asked);

/** Walks a config by its table, and gives the names of the fields that it has no account of. Null says nothing. */
export function unaccounted(table: FieldTable, config: Json, path = ""): readonly string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const account = Object.hasOwn(table, name) ? table[name] : undefined;
    if (value === null || account === "read" || account === "harmless") return [];
    if (account === undefined) return [path + name];
    if ("fields" in account) {
      if (!isObject(value)) throw new FieldError(path + name, value, "an object");
      return unaccounted(account.fields, value, `${path}${name}.`);
    }
    if (account.only.includes(value)) return [];
    throw new FieldError(path + name, value, account.only.map(one => JSON.stringify(one)).join(" or "));
  });
}

/** Names that a note shows. */
const mostNames = 20;

/** The one note of all fields that nothing is known of, or none. */
export function unaccountedNotes(names: readonly string[], file: string): readonly string[] {
  if (names.length === 0) return [];
  const rest = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  const told = names.slice(0, mostNames).map(name => `'${shown(name, 60)}'`);
  return [`${file} has fields that cnxc does not know, and leaves out: ${told.join(", ")}${rest}`];
}

/** A value of a config, as a note has it. */
export const inNote = (value: unknown): string => shown(JSON.stringify(value) ?? "not there", 100);

export const isNumber = (value: unknown): value is number => typeof value === "number" && value >= 0;
export const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
export const isPositive = (value: unknown): value is number => typeof value === "number" && value > 0;
export const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1;
export const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
export const isText = (value: unknown): value is string => typeof value === "string";
export const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every(isSize);
export const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(isNumber);
export const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
export const isOneOf =
  <T>(...values: readonly T[]) =>
  (value: unknown): value is T =>
    values.includes(value as T);
