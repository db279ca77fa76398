import type { IterationNode, MatchResult, Node } from "ohm-js";
import type { Source, Span } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { type CnxActionDict, cnxGrammar } from "../embedded/cnx-grammar.ts";
import type {
  AxisItem,
  Declaration,
  Field,
  GroupValue,
  Import,
  Name,
  NumberValue,
  Path,
  PathStep,
  RequireItem,
  StringValue,
  Value,
  WordValue,
} from "./ast.ts";

/** What is known of the text while a tree is built: where it came from, and where its characters stand in there. */
interface Origin {
  readonly source: Source;
  readonly at: Uint32Array;
}

/** The imports and declarations of a match, in order. */
export const toAst = (match: MatchResult, source: Source, at: Uint32Array): readonly (Import | Declaration)[] =>
  semantics(match).ast({ source, at } satisfies Origin) as readonly (Import | Declaration)[];

// Ohm's own types do not follow a rule to what its action returns, so the helpers here say it: this is the one place
// where the tree is cast.
const tree = <T>(node: Node, origin: Origin): T => node.ast(origin) as T;
const trees = <T>(node: Node, origin: Origin): readonly T[] => node.children.map(child => tree<T>(child, origin));
const optional = <T>(node: IterationNode, origin: Origin): T | null => trees<T>(node, origin)[0] ?? null;

const spanOf = (node: Node, { source, at }: Origin): Span => {
  const { startIdx, endIdx } = node.source;
  const start = at[startIdx] ?? 0;
  return { source, start, end: endIdx > startIdx ? (at[endIdx - 1] ?? 0) + 1 : start };
};

const scales: Readonly<Record<string, string>> = { K: "e3", M: "e6", G: "e9" };

/** `1.1K` is read as `1.1e3` and not multiplied, so that it is 1100 exactly. -0 is 0. */
const numberOf = (text: string): number => Number(text.replace(/[KMG]$/, scale => scales[scale] ?? "")) + 0;

const actions: CnxActionDict<unknown> = {
  File(items) {
    return trees(items, this.args.origin);
  },
  Declaration(item) {
    return tree(item, this.args.origin);
  },
  Import(_import, specifier) {
    const { origin } = this.args;
    return { kind: "import", specifier: tree<StringValue>(specifier, origin), span: spanOf(this, origin) };
  },
  Model(_model, name, parent, body) {
    const { origin } = this.args;
    return {
      kind: "model",
      name: tree<Name>(name, origin),
      parent: optional<Name>(parent, origin),
      body: tree<GroupValue>(body, origin),
      span: spanOf(this, origin),
    };
  },
  Sweep(_sweep, name, parent, open, items, close) {
    const { origin } = this.args;
    return {
      kind: "sweep",
      name: tree<Name>(name, origin),
      parent: tree<Name>(parent, origin),
      items: trees<AxisItem | RequireItem>(items, origin),
      body: { ...spanOf(open, origin), end: spanOf(close, origin).end },
      span: spanOf(this, origin),
    };
  },
  Build(_build, name, body) {
    const { origin } = this.args;
    return {
      kind: "build",
      name: tree<Name>(name, origin),
      body: tree<GroupValue>(body, origin),
      span: spanOf(this, origin),
    };
  },
  Train(_train, name, body) {
    const { origin } = this.args;
    return {
      kind: "train",
      name: tree<Name>(name, origin),
      body: tree<GroupValue>(body, origin),
      span: spanOf(this, origin),
    };
  },
  Parent(_extends, name) {
    return tree(name, this.args.origin);
  },
  Name(name) {
    const { kind, text, span } = tree<WordValue | StringValue>(name, this.args.origin);
    return { text, quoted: kind === "string", span } satisfies Name;
  },
  Group(_open, fields, _close) {
    const { origin } = this.args;
    return { kind: "group", fields: trees<Field>(fields, origin), span: spanOf(this, origin) } satisfies Value;
  },
  Field(name, value, _comma) {
    const { origin } = this.args;
    const written = tree<Value>(value, origin);
    const named = tree<WordValue>(name, origin);
    return { name: named, value: written, span: { ...named.span, end: written.span.end } } satisfies Field;
  },
  SweepItem(item, _comma) {
    return tree(item, this.args.origin);
  },
  Requirement(_require, quantity, compare, limit) {
    const { origin } = this.args;
    return {
      kind: "require",
      quantity: tree<WordValue>(quantity, origin),
      compare: compare.sourceString as RequireItem["compare"],
      limit: tree<NumberValue>(limit, origin),
      span: spanOf(this, origin),
    } satisfies RequireItem;
  },
  Axis(path, _in, values) {
    const { origin } = this.args;
    return {
      kind: "axis",
      path: tree<Path>(path, origin),
      values: tree<Value>(values, origin),
      span: spanOf(this, origin),
    } satisfies AxisItem;
  },
  Path(field, steps) {
    const { origin } = this.args;
    return { field: tree<WordValue>(field, origin), steps: trees<PathStep>(steps, origin), span: spanOf(this, origin) };
  },
  PathStep_index(_open, index, _close) {
    const { origin } = this.args;
    return { kind: "index", index: tree<NumberValue>(index, origin), span: spanOf(this, origin) } satisfies PathStep;
  },
  PathStep_member(_dot, name) {
    const { origin } = this.args;
    return { kind: "member", name: tree<WordValue>(name, origin), span: spanOf(this, origin) } satisfies PathStep;
  },
  Value(value) {
    return tree(value, this.args.origin);
  },
  Range(from, _dots, to, step) {
    const { origin } = this.args;
    return {
      kind: "range",
      from: tree<NumberValue>(from, origin),
      to: tree<NumberValue>(to, origin),
      step: optional<NumberValue>(step, origin),
      span: spanOf(this, origin),
    } satisfies Value;
  },
  Step(_step, number) {
    return tree(number, this.args.origin);
  },
  Tagged(tag, value) {
    const { origin } = this.args;
    return {
      kind: "tagged",
      tag: tree<WordValue>(tag, origin),
      value: tree<NumberValue | GroupValue>(value, origin),
      span: spanOf(this, origin),
    } satisfies Value;
  },
  List(_open, items, _comma, _close) {
    const { origin } = this.args;
    const list = items.asIteration();
    return { kind: "list", items: trees<Value>(list, origin), span: spanOf(this, origin) } satisfies Value;
  },
  word(_first, _rest) {
    return { kind: "word", text: this.sourceString, span: spanOf(this, this.args.origin) } satisfies Value;
  },
  string(_open, _characters, _close) {
    const text = this.sourceString.slice(1, -1);
    return { kind: "string", text, span: spanOf(this, this.args.origin) } satisfies Value;
  },
  number(_minus, _integer, _dot, _digits, _scale, _apart) {
    const text = this.sourceString;
    return { kind: "number", value: numberOf(text), text, span: spanOf(this, this.args.origin) } satisfies Value;
  },
  size(_height, _x, _width, _x2, _channels, _apart) {
    const text = this.sourceString;
    const [height, width, channels] = text.split("x").map(Number);
    invariant(height !== undefined && width !== undefined && channels !== undefined, "a size has three parts");
    return {
      kind: "size",
      parts: [height, width, channels],
      text,
      span: spanOf(this, this.args.origin),
    } satisfies Value;
  },
};

const semantics = cnxGrammar.createSemantics().addOperation<unknown>("ast(origin)", actions);
