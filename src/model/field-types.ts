import type { Span } from "../diagnostics/diagnostic.ts";

/** A checked value and where it was written. */
export interface Located<T> {
  readonly value: T;
  readonly span: Span;
}

/** Which integers of the range are legal. */
export type IntegerRule = "any" | "odd" | "power of two";

export interface IntegerType {
  readonly kind: "integer";
  readonly min: number;
  readonly max: number;
  readonly rule: IntegerRule;
}

/** Which ends of a range are legal themselves: both, the lower alone, or neither. */
export type Ends = "closed" | "half-open" | "open";

export interface NumberType {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  readonly ends: Ends;
}

export interface FlagType {
  readonly kind: "flag";
}

/** One of a few words; `unknown` is what is said about any other. */
export interface WordType<W extends string = string> {
  readonly kind: "word";
  readonly words: readonly W[];
  readonly unknown: "unknown-word" | "unknown-dtype";
}

/** A SHA-256, as text of 64 hexadecimal digits. */
export interface DigestType {
  readonly kind: "digest";
}

/** Names of classes: a list of strings, or the file that holds them. */
export interface LabelsType {
  readonly kind: "labels";
}

/** The name of a model. */
export interface ReferenceType {
  readonly kind: "reference";
}

export interface SizeType {
  readonly kind: "size";
  readonly of: IntegerType;
}

/** A number or a range of numbers: images a run. */
export interface BatchType {
  readonly kind: "batch";
  readonly of: IntegerType;
}

/** `0.2..1`: two numbers, the first not above the second. */
export interface RangeType {
  readonly kind: "range";
  readonly of: NumberType;
}

export interface ListType<T extends FieldType = FieldType> {
  readonly kind: "list";
  readonly of: T;
  readonly min: number;
  readonly max: number;
  /** What an empty list is: no shape at all, or a set of nothing. */
  readonly empty: "list-length" | "empty-list";
  readonly distinct: boolean;
}

/** One value, or a list of them. */
export interface OneOrManyType<T extends FieldType = FieldType> {
  readonly kind: "one-or-many";
  readonly list: ListType<T>;
}

/** `patch 4`, or one of a few words. */
export interface MeasureType<W extends string = string> {
  readonly kind: "measure";
  readonly word: string;
  readonly of: IntegerType;
  readonly others: readonly W[];
}

/** `none`, or a number. */
export interface OptionalType {
  readonly kind: "optional";
  readonly word: string;
  readonly of: NumberType | IntegerType;
}

export interface GroupType<F extends Fields = Fields> {
  readonly kind: "group";
  readonly fields: F;
}

/** `classifier { … }`: a word that says which fields the group has. */
export interface ChoiceType<C extends Record<string, Fields> = Record<string, Fields>> {
  readonly kind: "choice";
  readonly of: C;
}

export type FieldType =
  | IntegerType
  | NumberType
  | FlagType
  | WordType
  | DigestType
  | LabelsType
  | ReferenceType
  | SizeType
  | BatchType
  | RangeType
  | ListType
  | OneOrManyType
  | MeasureType
  | OptionalType
  | GroupType
  | ChoiceType;

/** One field of a model, a group or a build. */
export interface Field<T extends FieldType = FieldType> {
  readonly type: T;
  /** In the language's own notation, for people; null where it must be stated or depends on other fields. */
  readonly default: string | null;
  readonly required: boolean;
  /** Whether a model has it from its parent. */
  readonly inherited: boolean;
  /** What people call it who know it from elsewhere; nothing is read by these names. */
  readonly elsewhere: readonly string[];
}

// A list type of unknown entry makes the mapping of types to values recursive, so the table of fields is an interface.
export interface Fields {
  readonly [name: string]: Field;
}

/** What reading a value of this type gives. */
export type ValueOf<T> = T extends IntegerType | NumberType
  ? number
  : T extends MeasureType<infer W>
    ? number | W
    : T extends FlagType
      ? boolean
      : T extends WordType<infer W>
        ? W
        : T extends ReferenceType | DigestType
          ? string
          : T extends LabelsType
            ? readonly string[]
            : T extends SizeType
              ? { readonly height: number; readonly width: number; readonly channels: number }
              : T extends BatchType | RangeType
                ? { readonly min: number; readonly max: number }
                : T extends ListType<infer U>
                  ? readonly Located<ValueOf<U>>[]
                  : T extends OneOrManyType<infer U>
                    ? Located<ValueOf<U>> | readonly Located<ValueOf<U>>[]
                    : T extends OptionalType
                      ? number | null
                      : T extends GroupType<infer F>
                        ? Settings<F>
                        : T extends ChoiceType<infer C>
                          ? {
                              readonly [K in keyof C]: { readonly kind: K; readonly settings: Settings<C[K]> };
                            }[keyof C]
                          : never;

/** The fields of a group that are stated and right. */
export type Settings<F> = {
  readonly [K in keyof F]?: F[K] extends Field<infer T> ? Located<ValueOf<T>> : never;
};

export const integer = (min: number, max: number, rule: IntegerRule = "any"): IntegerType => ({
  kind: "integer",
  min,
  max,
  rule,
});

export const number = (min: number, max: number, ends: Ends = "closed"): NumberType => ({
  kind: "number",
  min,
  max,
  ends,
});

/** The least and the largest number that is normal in the 32-bit floats all of this is computed in. */
const leastFloat = 2 ** -126;
const largestFloat = 3.4028234663852886e38;

export const positiveFloat = number(leastFloat, largestFloat);

export const word = <const W extends string>(
  words: readonly W[],
  unknown: WordType["unknown"] = "unknown-word",
): WordType<W> => ({ kind: "word", words, unknown });

export const list = <T extends FieldType>(
  of: T,
  min: number,
  max: number,
  { empty = "list-length", distinct = false }: Partial<Pick<ListType, "empty" | "distinct">> = {},
): ListType<T> => ({ kind: "list", of, min, max, empty, distinct });

export const oneOrMany = <T extends FieldType>(of: ListType<T>): OneOrManyType<T> => ({
  kind: "one-or-many",
  list: of,
});

export const field = <T extends FieldType>(type: T, byDefault: string | null = null): Field<T> => ({
  type,
  default: byDefault,
  required: false,
  inherited: true,
  elsewhere: [],
});

/** A field that people know by other names. */
export const alsoCalled = <T extends FieldType>(of: Field<T>, ...elsewhere: readonly string[]): Field<T> => ({
  ...of,
  elsewhere,
});

export const required = <T extends FieldType>(type: T): Field<T> => ({ ...field(type), required: true });

/** What a model says of itself alone. */
export const own = <T extends FieldType>(type: T): Field<T> => ({ ...field(type), inherited: false });
