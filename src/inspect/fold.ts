import type { ValueId } from "../graph/graph.ts";
import type { Naming } from "../graph/print.ts";
import { nameInBlock, type Scope } from "../graph/scope.ts";

/** A line about one value, with ids as they are told to be written. */
export interface ValueLine {
  readonly scope: Scope;
  readonly text: (name: Naming) => string;
}

/** The same line of several blocks, written once: `{j}` is the block and `{j-1}` the one before it. */
export interface FoldedLine {
  readonly text: string;
  /** How many lines it stands for. */
  readonly count: number;
  /** Which blocks, `0..8`; null where it is a line as it was. */
  readonly blocks: string | null;
}

/** Lines that differ in nothing but the block they are about come once, where the first of them was. */
export function foldLines(
  lines: readonly ValueLine[],
  scopeOf: (id: ValueId) => Scope | undefined,
): readonly FoldedLine[] {
  const folded = new Map<string, { readonly first: string; readonly blocks: number[]; count: number }>();
  for (const { scope, text } of lines) {
    const pattern = text(id => relativeName(id, scopeOf(id), scope));
    const known = folded.get(pattern) ?? { first: text(id => id), blocks: [], count: 0 };
    known.count += 1;
    if (scope.block !== null) known.blocks.push(scope.block);
    folded.set(pattern, known);
  }
  return [...folded].map(([pattern, { first, blocks, count }]) =>
    count === 1 ? { text: first, count, blocks: null } : { text: pattern, count, blocks: ranges(blocks) },
  );
}

/** A value of the block that a line is about, or of the one before it, named as counted from there; all else as it is. */
function relativeName(id: ValueId, of: Scope | undefined, { part, block }: Scope): string {
  if (of === undefined || of.part !== part || of.block === null || block === null) return id;
  const relative = ["{j}", "{j-1}"][block - of.block];
  return relative === undefined ? id : nameInBlock(id, of, relative);
}

/** `0..5, 7`. */
export function ranges(sorted: readonly number[]): string {
  const runs: { from: number; to: number }[] = [];
  for (const value of sorted) {
    const last = runs.at(-1);
    if (last && value === last.to + 1) last.to = value;
    else runs.push({ from: value, to: value });
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : `${from}..${to}`)).join(", ");
}
