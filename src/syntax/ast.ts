import type { Source, Span } from "../diagnostics/diagnostic.ts";

/** One file as it is written: nothing looked up, nothing filled in. */
export interface Ast {
  readonly source: Source;
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
  /** What its strings name beside other specs, as `load` has read it: files of labels. */
  readonly named: readonly Source[];
  /** Where the comments stand, in order; only the formatter wants them. */
  readonly comments: readonly Span[];
}

export interface Import {
  readonly kind: "import";
  readonly specifier: StringValue;
  readonly span: Span;
}

export type Declaration = ModelDeclaration | SweepDeclaration | BuildDeclaration | TrainDeclaration;

export interface ModelDeclaration {
  readonly kind: "model";
  readonly name: Name;
  readonly parent: Name | null;
  readonly body: GroupValue;
  readonly span: Span;
}

export interface SweepDeclaration {
  readonly kind: "sweep";
  readonly name: Name;
  readonly parent: Name;
  readonly items: readonly (AxisItem | RequireItem)[];
  /** From `{` to `}`. */
  readonly body: Span;
  readonly span: Span;
}

export interface BuildDeclaration {
  readonly kind: "build";
  readonly name: Name;
  readonly body: GroupValue;
  readonly span: Span;
}

export interface TrainDeclaration {
  readonly kind: "train";
  readonly name: Name;
  readonly body: GroupValue;
  readonly span: Span;
}

/** A name where something is declared or referred to. Quotes are an error, but one that the checker explains. */
export interface Name {
  readonly text: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/** `depths [2, 2, 6, 2]` */
export interface Field {
  readonly name: WordValue;
  readonly value: Value;
  readonly span: Span;
}

/** `dims[0] in [32, 40, 48]` */
export interface AxisItem {
  readonly kind: "axis";
  readonly path: Path;
  readonly values: Value;
  readonly span: Span;
}

/** `require params <= 6M` */
export interface RequireItem {
  readonly kind: "require";
  readonly quantity: WordValue;
  readonly compare: "<" | "<=" | ">" | ">=" | "==";
  readonly limit: NumberValue;
  readonly span: Span;
}

/** `dims[0]`, `head.decoder.dim` */
export interface Path {
  readonly field: WordValue;
  readonly steps: readonly PathStep[];
  readonly span: Span;
}

export type PathStep =
  | { readonly kind: "index"; readonly index: NumberValue; readonly span: Span }
  | { readonly kind: "member"; readonly name: WordValue; readonly span: Span };

export type Value =
  | NumberValue
  | SizeValue
  | RangeValue
  | WordValue
  | StringValue
  | TaggedValue
  | ListValue
  | GroupValue;

/** `text` is the number as written: `5M`, `1e-6`. */
export interface NumberValue {
  readonly kind: "number";
  readonly value: number;
  readonly text: string;
  readonly span: Span;
}

/** `224x224x3`; `text` is the size as written. */
export interface SizeValue {
  readonly kind: "size";
  readonly parts: readonly [number, number, number];
  readonly text: string;
  readonly span: Span;
}

/** `1..8`, `4..8 step 2` */
export interface RangeValue {
  readonly kind: "range";
  readonly from: NumberValue;
  readonly to: NumberValue;
  readonly step: NumberValue | null;
  readonly span: Span;
}

/** `gelu`, `true`, `atto` */
export interface WordValue {
  readonly kind: "word";
  readonly text: string;
  readonly span: Span;
}

/** Strings have no escapes: `text` is what stands between the quotes; `contents` what stands in the file it names, if `load` has read it. */
export interface StringValue {
  readonly kind: "string";
  readonly text: string;
  readonly contents?: Source;
  readonly span: Span;
}

/** `patch 4`, `classifier { classes 10 }` */
export interface TaggedValue {
  readonly kind: "tagged";
  readonly tag: WordValue;
  readonly value: NumberValue | GroupValue;
  readonly span: Span;
}

export interface ListValue {
  readonly kind: "list";
  readonly items: readonly Value[];
  readonly span: Span;
}

export interface GroupValue {
  readonly kind: "group";
  readonly fields: readonly Field[];
  readonly span: Span;
}
