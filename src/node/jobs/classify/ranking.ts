import type { Problem } from "../../../model/model.ts";

/** A class and how likely it is. */
export interface Ranked {
  /** Its index, from 0. */
  readonly class: number;
  readonly logit: number;
  readonly probability: number;
}

/**
 * The most likely classes of one image, in float64; of equal ones the first. Of a single label classes share a softmax, of
 * several each has a sigmoid of its own. `logits` are finite.
 */
export function rank(logits: Float32Array, problem: Problem, top: number): readonly Ranked[] {
  const probabilities = probabilitiesOf[problem](logits);
  return Array.from(logits, (logit, i) => ({ class: i, logit, probability: probabilities[i] ?? 0 }))
    .sort((a, b) => b.logit - a.logit || a.class - b.class)
    .slice(0, top);
}

const probabilitiesOf: { readonly [K in Problem]: (logits: Float32Array) => Float64Array } = {
  single_label: softmax,
  multi_label: logits => Float64Array.from(logits, sigmoid),
};

function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  // Float32Array.map would round each to 24 bits.
  const powers = Float64Array.from(logits, logit => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(power => power / sum);
}

const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
