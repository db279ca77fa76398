/** How well one list of numbers tells another. */
export interface Agreement {
  readonly count: number;
  /** Spearman's rank correlation, -1 to 1; null where there are fewer than two, or all are equal. */
  readonly rank: number | null;
  /** Median of |predicted / measured - 1|. */
  readonly medianError: number;
}

export interface Pair {
  readonly predicted: number;
  readonly measured: number;
}

/** Of at least one pair. */
export function agreementOf(pairs: readonly Pair[]): Agreement {
  return {
    count: pairs.length,
    rank: correlation(ranksOf(pairs.map(({ predicted }) => predicted)), ranksOf(pairs.map(({ measured }) => measured))),
    medianError: median(pairs.map(({ predicted, measured }) => Math.abs(predicted / measured - 1))),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** The place of each number among them; equal ones share the mean of their places. */
export function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] as number] === values[order[from] as number]) to++;
    for (let at = from; at <= to; at++) ranks[order[at] as number] = (from + to) / 2;
    from = to + 1;
  }
  return ranks;
}

/** Pearson's, or null where one list does not vary. */
function correlation(a: readonly number[], b: readonly number[]): number | null {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? null : both / Math.sqrt(squareA * squareB);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
