import { argmax, type Breathe, type Labelled } from "./labelled.ts";

/** Neighbours that vote. */
const neighbours = 20;
/** A vote weighs exp(cosine / temperature). */
const temperature = 0.07;
/** Rows that are compared at once, so that a row that is read serves them all. */
const atOnce = 4;

/**
 * The part of `test` whose class its 20 nearest neighbours in `train` say, by cosine similarity, each vote weighed by
 * exp(similarity / 0.07). Of equal sums the first class wins, of equal neighbours the first stays; features without a
 * direction are similar to none. NaN where a feature is not finite.
 * Source: Wu et al. 2018, section 3.4; facebookresearch/dino, eval_knn.py.
 */
export async function nearestNeighbours(train: Labelled, test: Labelled, breathe: Breathe): Promise<number> {
  if (![train, test].every(({ features }) => features.every(Number.isFinite))) return Number.NaN;
  const known = directions(train, train.labels.length);
  // Empty rows fill the last few up.
  const asked = directions(test, Math.ceil(test.labels.length / atOnce) * atOnce);
  const classes = Math.max(...train.labels) + 1;
  let right = 0;
  for (let first = 0; first < test.labels.length; first += atOnce) {
    await breathe();
    const rows = asked.subarray(first * train.width, (first + atOnce) * train.width);
    for (const [i, similarities] of similaritiesOf(known, rows, train.width).entries()) {
      const label = test.labels[first + i];
      if (label !== undefined && argmax(votesOf(similarities, train.labels, classes)) === label) right++;
    }
  }
  return right / test.labels.length;
}

/** The products of four rows with each that is known. */
function similaritiesOf(known: Float64Array, rows: Float64Array, width: number): readonly Float64Array[] {
  const count = known.length / width;
  const found = Array.from({ length: atOnce }, () => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [second, third, fourth] = [width, 2 * width, 3 * width];
  for (let i = 0, at = 0; i < count; i++) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let j = 0; j < width; j++, at++) {
      const value = known[at] as number;
      a += value * (rows[j] as number);
      b += value * (rows[second + j] as number);
      c += value * (rows[third + j] as number);
      d += value * (rows[fourth + j] as number);
    }
    found[0][i] = a;
    found[1][i] = b;
    found[2][i] = c;
    found[3][i] = d;
  }
  return found;
}

/** What the nearest say, class by class. */
function votesOf(similarities: Float64Array, labels: readonly number[], classes: number): Float64Array {
  const k = Math.min(neighbours, similarities.length);
  // The nearest so far, the nearest first.
  const nearest: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < similarities.length; i++) {
    const similarity = similarities[i] as number;
    if (nearest.length === k && similarity <= least) continue;
    const place = nearest.findIndex(other => (similarities[other] as number) < similarity);
    nearest.splice(place < 0 ? nearest.length : place, 0, i);
    nearest.length = Math.min(nearest.length, k);
    least = similarities[nearest[nearest.length - 1] as number] as number;
  }
  const votes = new Float64Array(classes);
  for (const i of nearest)
    votes[labels[i] as number] =
      (votes[labels[i] as number] as number) + Math.exp((similarities[i] as number) / temperature);
  return votes;
}

/** Rows of length 1, and rows of zeros up to so many. */
function directions({ features, width, labels }: Labelled, rows: number): Float64Array {
  const unit = new Float64Array(rows * width);
  for (let n = 0; n < labels.length; n++) {
    const row = features.subarray(n * width, (n + 1) * width);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
    unit.set(
      row.map(value => value / length),
      n * width,
    );
  }
  return unit;
}
