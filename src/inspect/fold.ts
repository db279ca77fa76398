import type { ValueId } from "../graph/graph.ts";

/** A line about one value. */
export interface ValueLine {
  readonly id: ValueId;
  readonly text: string;
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
export function foldLines(lines: readonly ValueLine[]): readonly FoldedLine[] {
  const folded = new Map<string, { readonly first: string; readonly blocks: number[]; count: number }>();
  for (const { id, text } of lines) {
    const block = blockOf(id);
    const pattern = block === null ? text : patternOf(text, block);
    const known = folded.get(pattern) ?? { first: text, blocks: [], count: 0 };
    known.count += 1;
    if (block !== null) known.blocks.push(block.index);
    folded.set(pattern, known);
  }
  return [...folded].map(([pattern, { first, blocks, count }]) =>
    count === 1 ? { text: first, count, blocks: null } : { text: pattern, count, blocks: ranges(blocks) },
  );
}

interface Block {
  /** `stages.2` or `decoder`. */
  readonly of: string;
  readonly index: number;
}

/** The block that a value is inside of, or the result of. */
function blockOf(id: ValueId): Block | null {
  const [, of, index] = /^(stages\.\d+|decoder)\.(\d+)(?:\.|$)/.exec(id) ?? [];
  return of === undefined ? null : { of, index: Number(index) };
}

const patternOf = (text: string, { of, index }: Block): string =>
  text.replaceAll(/(?<![\w.])(stages\.\d+|decoder)\.(\d+)(?!\d)/g, (whole, stage: string, block: string) => {
    const back = index - Number(block);
    if (stage !== of || back < 0 || back > 1) return whole;
    return `${stage}.${back === 0 ? "{j}" : "{j-1}"}`;
  });

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
