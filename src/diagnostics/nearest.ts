/** What a user may have meant: the nearest of the names that exist, or null where none is near. */
export type Nearest = (word: string) => string | null;

/** Longer words and names are not compared. */
const longest = 80;

/** Beyond this many different unknown words, no more are looked up: nobody reads so far. */
const lookups = 64;

/**
 * Steps that all questions to one list of names may take together, pairs of letters or names passed over: a tenth of a
 * second, and far more than mistyped names of an ordinary file need. What comes after that is given no nearest name.
 */
const steps = 10_000_000;

interface Known {
  readonly name: string;
  readonly folded: string;
}

/**
 * A third of a word's letters may be wrong; ties go to the name that comes first. The answers are the same however often
 * and whenever a word is asked about, as long as they come in the same order.
 */
export function nearestOf(names: Iterable<string>, budget = steps): Nearest {
  let known: readonly Known[] | null = null;
  let left = budget;
  const found = new Map<string, string | null>();
  const search = (word: string): string | null => {
    known ??= [...names].map(name => ({ name, folded: name.slice(0, longest + 1).toLowerCase() }));
    const folded = word.toLowerCase();
    let best: string | null = null;
    let limit = Math.max(1, Math.floor(word.length / 3));
    for (const candidate of known) {
      left -= 1 + costOf(folded, candidate.folded, limit);
      if (left < 0) return null;
      const edits = distance(folded, candidate.folded, limit);
      if (edits > limit || (best !== null && edits === limit)) continue;
      best = candidate.name;
      limit = edits;
      if (edits === 0) break;
    }
    return best;
  };
  return word => {
    const before = found.get(word);
    if (before !== undefined) return before;
    if (found.size >= lookups || word.length > longest || left < 0) return null;
    const nearest = search(word);
    found.set(word, nearest);
    return nearest;
  };
}

/** No two words are compared whose lengths alone differ by more. */
const comparable = (a: string, b: string, limit: number): boolean =>
  Math.abs(a.length - b.length) <= limit && b.length <= longest;

/** The most pairs of letters that `distance` looks at. */
const costOf = (a: string, b: string, limit: number): number =>
  comparable(a, b, limit) ? a.length * Math.min(b.length, 2 * limit + 1) : 0;

/**
 * Letters to add, drop, change or swap with their neighbour to get from one word to the other; counts no further than
 * past `limit`, and so compares no letter with one that stands further away than that.
 */
function distance(a: string, b: string, limit: number): number {
  const past = limit + 1;
  if (!comparable(a, b, limit)) return past;
  let before = new Uint8Array(b.length + 1).fill(past);
  let row = Uint8Array.from({ length: b.length + 1 }, (_, j) => Math.min(j, past));
  let next = new Uint8Array(b.length + 1).fill(past);
  let leastBefore = 0;
  for (let i = 1; i <= a.length; i++) {
    const [from, to] = [Math.max(1, i - limit), Math.min(b.length, i + limit)];
    next[from - 1] = from === 1 ? Math.min(i, past) : past;
    let least = next[from - 1] as number;
    for (let j = from; j <= to; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const dropped = j === i + limit ? past : (row[j] as number) + 1;
      const added = (next[j - 1] as number) + 1;
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? (before[j - 2] as number) + 1 : past;
      const edits = Math.min(changed, dropped, added, swapped, past);
      next[j] = edits;
      least = Math.min(least, edits);
    }
    if (least > limit && leastBefore > limit) return past;
    leastBefore = least;
    [before, row, next] = [row, next, before];
  }
  return row[b.length] as number;
}
