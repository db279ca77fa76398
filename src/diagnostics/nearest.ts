/** What a user may have meant: the nearest of the names that exist, or null where none is near. */
export type Nearest = (word: string) => string | null;

/** Beyond this many different unknown words, no more are looked up: nobody reads so far, and the product of words and
 * names could be large. */
const lookups = 64;

/** Letters to add, drop, change or swap with their neighbour to get from one word to the other; counts no further than
 * past `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swapped ? (before[j - 2] ?? 0) + 1 : Infinity),
      );
    }
    if (Math.min(...next, ...row) > limit) return limit + 1;
    before = row;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}

/** A third of a word's letters may be wrong; ties go to the name that comes first. */
export function nearestOf(names: Iterable<string>): Nearest {
  const known = [...names].map(name => ({ name, folded: name.toLowerCase() }));
  const found = new Map<string, string | null>();
  return word => {
    const before = found.get(word);
    if (before !== undefined) return before;
    if (found.size >= lookups || word.length > 80) return null;
    const folded = word.toLowerCase();
    let best: string | null = null;
    let limit = Math.max(1, Math.floor(word.length / 3));
    for (const candidate of known) {
      const edits = distance(folded, candidate.folded, limit);
      if (edits > limit || (best !== null && edits === limit)) continue;
      best = candidate.name;
      limit = edits;
      if (edits === 0) break;
    }
    found.set(word, best);
    return best;
  };
}
