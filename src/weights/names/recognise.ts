import { type Dialect, dialects, isKnown, isKnownAnywhere, isOfBlock } from "./names.ts";

/** What a set of names is: which dialect knows most of them, below which prefix. */
export interface Recognised {
  /** What stands before the names that are known, up to and with a dot; empty where nothing does. */
  readonly prefix: string;
  readonly dialect: Dialect;
  /** How many names are known there. */
  readonly known: number;
  /** Other prefixes below which as many are. */
  readonly rivals: readonly string[];
}

/** Dots of a name that may end a prefix; wrappers are five deep at most. */
const maxCuts = 8;

/** What is known below one prefix, dialect by dialect. */
interface Tally {
  readonly known: number[];
  blocks: number;
}

/**
 * The prefix below which most names are known, and the dialect that knows them; null where no name is known. A prefix
 * needs tensors of blocks below it, or all names: other networks have a `norm.weight` somewhere too. Of prefixes with as
 * many, none at all comes first, then the one that stands first.
 */
export function recognise(names: Iterable<string>): Recognised | null {
  const tallies = new Map<string, Tally>([["", { known: dialects.map(() => 0), blocks: 0 }]]);
  let total = 0;
  for (const name of names) {
    total++;
    for (let at = 0, cuts = 0; cuts <= maxCuts; cuts++) {
      count(tallies, name, at);
      const dot = name.indexOf(".", at);
      if (dot < 0) break;
      at = dot + 1;
    }
  }
  const found = [...tallies].flatMap(([prefix, { known, blocks }]): Recognised[] => {
    const most = Math.max(...known);
    const dialect = dialects[known.indexOf(most)];
    const counts = most > 0 && (prefix === "" || blocks > 0 || most === total);
    return counts && dialect !== undefined ? [{ prefix, dialect, known: most, rivals: [] }] : [];
  });
  const best = found.reduce<Recognised | null>((a, b) => (a === null || b.known > a.known ? b : a), null);
  if (best === null) return null;
  const others = found.filter(({ prefix, known }) => known === best.known && !prefix.startsWith(best.prefix));
  return { ...best, rivals: others.map(({ prefix }) => prefix) };
}

/** Counts a name into the prefix that ends at an index, where any dialect knows the rest. */
function count(tallies: Map<string, Tally>, name: string, at: number): void {
  if (!isKnownAnywhere(name, at)) return;
  const tally = tallyOf(tallies, name.slice(0, at));
  dialects.forEach((dialect, k) => {
    if (!isKnown(name, dialect, at)) return;
    tally.known[k] = (tally.known[k] ?? 0) + 1;
    if (isOfBlock(name, dialect, at)) tally.blocks++;
  });
}

function tallyOf(tallies: Map<string, Tally>, prefix: string): Tally {
  const before = tallies.get(prefix);
  if (before !== undefined) return before;
  const made = { known: dialects.map(() => 0), blocks: 0 };
  tallies.set(prefix, made);
  return made;
}

/** Of several sets of names those with most that are known, in their order; none where none has any. */
export function mostKnown<T extends { readonly names: readonly string[] }>(sets: readonly T[]): readonly T[] {
  const known = sets.map(({ names }) => recognise(names)?.known ?? 0);
  const most = known.reduce((a, b) => Math.max(a, b), 1);
  return sets.filter((_, k) => known[k] === most);
}
