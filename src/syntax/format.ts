import { ok, type Result, type Source, type Span } from "../diagnostics/diagnostic.ts";
import type { Ast, GroupValue, ListValue, Value } from "./ast.ts";
import { parse } from "./parse.ts";
import { printPath, printValue } from "./print.ts";

/** The one way to write a spec: two blanks a level, values of neighbouring lines aligned, every comment kept. */
export function formatSpec(source: Source): Result<string> {
  const parsed = parse(source);
  if (!parsed.ok) return parsed;
  const lines = printItems(fileItems(parsed.value), commentsOf(parsed.value), 0, source.text.length, 0);
  return ok(`${lines.join("\n")}\n`, parsed.diagnostics);
}

const width = 100;

/** Something that has a line of its own: a declaration, a field, an axis, a requirement. */
interface Item {
  readonly kind: string;
  readonly span: Span;
  /** What stands before the column that is aligned. */
  readonly head: string;
  /** What stands after it on a line of its own or of others: nothing is broken. */
  readonly flat: () => string;
  /** What stands after it, given where its first line begins and how far the others are indented. */
  readonly print: (comments: Comments, column: number, indent: number) => string;
}

/** The comments that no line has taken yet. */
interface Comments {
  readonly source: Source;
  /** Those between two offsets; nobody gets them a second time. */
  readonly take: (start: number, end: number) => readonly Span[];
  readonly any: (start: number, end: number) => boolean;
}

function commentsOf({ source, comments }: Ast): Comments {
  const taken = new Set<Span>();
  const between = (start: number, end: number): readonly Span[] => {
    let low = 0;
    for (let high = comments.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((comments[middle]?.start ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    const found: Span[] = [];
    for (let span = comments[low]; span !== undefined && span.end <= end; span = comments[++low]) {
      if (!taken.has(span)) found.push(span);
    }
    return found;
  };
  return {
    source,
    any: (start, end) => between(start, end).length > 0,
    take: (start, end) => {
      const found = between(start, end);
      for (const span of found) taken.add(span);
      return found;
    },
  };
}

function fileItems({ imports, declarations }: Ast): readonly Item[] {
  const importItems = imports.map(({ kind, span, specifier }): Item => {
    const flat = () => `import ${printValue(specifier)}`;
    return { kind, span, head: "", flat, print: flat };
  });
  const others = declarations.map((declaration): Item => {
    const { kind, name, span } = declaration;
    const parent = "parent" in declaration ? declaration.parent : null;
    const written = (of: { readonly text: string; readonly quoted: boolean }) => (of.quoted ? `"${of.text}"` : of.text);
    const head = `${kind} ${written(name)}${parent === null ? "" : ` extends ${written(parent)}`} `;
    const body = declaration.kind === "sweep" ? declaration.body : declaration.body.span;
    const items = declaration.kind === "sweep" ? sweepItems(declaration.items) : fieldItems(declaration.body);
    return {
      kind,
      span,
      head: "",
      flat: () => head + flatBody(items),
      print: (comments, column) => head + printBody(items, body, comments, column + head.length, 0),
    };
  });
  return [...importItems, ...others].sort((a, b) => a.span.start - b.span.start);
}

const fieldItems = ({ fields }: GroupValue): readonly Item[] =>
  fields.map(({ name, value, span }) => ({
    kind: "field",
    span,
    head: name.text,
    flat: () => printValue(value),
    print: (comments, column, indent) => printWide(value, comments, column, indent),
  }));

const sweepItems = (items: Extract<Ast["declarations"][number], { kind: "sweep" }>["items"]): readonly Item[] =>
  items.map((item): Item => {
    const { kind, span } = item;
    if (item.kind === "require") {
      const { quantity, compare, limit } = item;
      const flat = () => `${compare} ${limit.text}`;
      return { kind, span, head: `require ${quantity.text}`, flat, print: flat };
    }
    const print: Item["print"] = (comments, column, indent) =>
      `in ${printWide(item.values, comments, column + 3, indent)}`;
    return { kind, span, head: printPath(item.path), flat: () => `in ${printValue(item.values)}`, print };
  });

/** A value on one line where it fits; groups over several lines where their writer had them so. */
function printWide(value: Value, comments: Comments, column: number, indent: number): string {
  if (value.kind === "group") return printBody(fieldItems(value), value.span, comments, column, indent);
  if (value.kind === "tagged" && value.value.kind === "group") {
    const head = `${value.tag.text} `;
    return head + printBody(fieldItems(value.value), value.value.span, comments, column + head.length, indent);
  }
  const flat = printValue(value);
  return value.kind === "list" && column + flat.length > width ? printLongList(value, indent) : flat;
}

function printLongList({ items }: ListValue, indent: number): string {
  const lines = [""];
  for (const item of items.map(printValue)) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && indent + 2 + line.length + item.length + 2 > width) lines.push(`${item},`);
    else lines[lines.length - 1] = line === "" ? `${item},` : `${line} ${item},`;
  }
  const pad = " ".repeat(indent + 2);
  return `[\n${lines.map(line => pad + line).join("\n")}\n${" ".repeat(indent)}]`;
}

const flatBody = (items: readonly Item[]): string =>
  items.length === 0 ? "{}" : `{ ${items.map(({ head, flat }) => `${head} ${flat()}`).join("  ")} }`;

/** `{ … }` at the end of a line that is `column` long already. */
function printBody(
  items: readonly Item[],
  { source, start, end }: Span,
  comments: Comments,
  column: number,
  indent: number,
): string {
  const written = comments.any(start, end) || (items.length > 0 && /[\n\r]/.test(source.text.slice(start, end)));
  if (!written) {
    const flat = flatBody(items);
    if (items.length === 0 || column + flat.length <= width) return flat;
  }
  const lines = printItems(items, comments, start + 1, end - 1, indent + 2);
  return ["{", ...lines, `${" ".repeat(indent)}}`].join("\n");
}

/** The lines of all that stands between two offsets: items, and the comments before, after and among them. */
function printItems(items: readonly Item[], comments: Comments, start: number, end: number, indent: number): string[] {
  const { text } = comments.source;
  const pad = " ".repeat(indent);
  const lines: string[] = [];
  const column = alignment(items, text);
  let at = start;
  let last: Item | null = null;
  let lastLines = 0;

  const gap = (until: number, forced: boolean) => {
    const between = text.slice(at, until).match(/\r\n|\n|\r/g)?.length ?? 0;
    if (lines.length > 0 && (between > 1 || forced)) lines.push("");
  };
  const addComments = (until: number) => {
    for (const span of comments.take(at, until)) {
      const comment = printComment(span);
      const sameLine = last !== null && !/[\n\r]/.test(text.slice(at, span.start));
      // A writer who lined such comments up with more blanks knew why.
      if (sameLine) lines[lines.length - 1] += (/^ {2,}$/.exec(text.slice(at, span.start))?.[0] ?? "  ") + comment;
      else {
        gap(span.start, last !== null && indent === 0 && lastLines > 1);
        lines.push(pad + comment);
        last = null;
      }
      at = span.end;
    }
  };

  for (const [i, item] of items.entries()) {
    const before = items[i - 1];
    addComments(item.span.start);
    const head = item.head.padEnd(column[i] ?? 0) + (item.head === "" ? "" : " ");
    const printed = item.print(comments, indent + head.length, indent).split("\n");
    const declaration = indent === 0 && before !== undefined;
    gap(
      item.span.start,
      declaration && last !== null && (lastLines > 1 || printed.length > 1 || before.kind !== item.kind),
    );
    // What stands inside an item where no line ends has no place there, so it goes before it.
    for (const span of comments.take(item.span.start, item.span.end)) lines.push(pad + printComment(span));
    lines.push(pad + head + printed[0], ...printed.slice(1));
    lastLines = printed.length;
    last = item;
    at = item.span.end;
  }
  addComments(end);
  return lines;
}

/** How wide the heads of each item's neighbours are: of those of its kind that follow each other without a blank line. */
function alignment(items: readonly Item[], text: string): readonly number[] {
  const runs: Item[][] = [];
  for (const [i, item] of items.entries()) {
    const before = items[i - 1];
    const between = text.slice(before?.span.end ?? 0, item.span.start).replace(/\/\*.*?\*\/|\/\/[^\n\r]*/gs, "#");
    const apart = /\n[ \t,]*\n/.test(between.replace(/\r\n?/g, "\n"));
    if (before === undefined || apart || before.kind !== item.kind) runs.push([]);
    runs.at(-1)?.push(item);
  }
  return runs.flatMap(run => {
    const widest = Math.max(...run.map(({ head }) => head.length));
    return run.map(() => widest);
  });
}

const printComment = ({ source, start, end }: Span): string =>
  source.text
    .slice(start, end)
    .split(/\r\n|\n|\r/)
    .map(line => line.trimEnd())
    .join("\n");
