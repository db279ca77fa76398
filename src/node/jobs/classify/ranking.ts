/** A class and how likely it is. */
export interface Ranked {
  /** Its index, from 0. */
  readonly class: number;
  readonly logit: number;
  readonly probability: number;
}

/** The most likely classes of one image, by softmax in float64; of equal ones the first. `logits` are finite. */
export function rank(logits: Float32Array, top: number): readonly Ranked[] {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  // Float32Array.map would round each to 24 bits.
  const powers = Float64Array.from(logits, logit => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Array.from(logits, (logit, i) => ({ class: i, logit, probability: (powers[i] ?? 0) / sum }))
    .sort((a, b) => b.logit - a.logit || a.class - b.class)
    .slice(0, top);
}
