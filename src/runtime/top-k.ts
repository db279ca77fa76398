import { check } from "./errors.ts";

/** What the logits of a classifier stand for. */
export interface Classes<Label extends string | null> {
  readonly classes: number;
  /** Names of the classes in their order, or null. */
  readonly labels: readonly Label[] | null;
  /** One class by a softmax of all, or any of them by a sigmoid each. */
  readonly problem: "single_label" | "multi_label";
}

/** A class and how likely it is. */
export interface TopClass<Label extends string | null = string | null> {
  /** Its index, from 0. */
  readonly class: number;
  readonly label: Label;
  readonly logit: number;
  readonly probability: number;
}

/**
 * The `k` likeliest classes of each image, the likeliest first, of equal ones the first; from `logits` [N, classes]. Throws
 * InputError where these are not whole rows.
 */
export function topK<Label extends string | null>(
  logits: Float32Array,
  { classes, labels, problem }: Classes<Label>,
  k = 5,
): readonly (readonly TopClass<Label>[])[] {
  const rows = logits.length / classes;
  check(rows > 0 && Number.isInteger(rows), "input", `${logits.length} logits are no rows of ${classes}`);
  return Array.from({ length: rows }, (_, n) => {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    const chances = {
      single_label: (x: number) => Math.exp(x - largest) / sum,
      multi_label: (x: number) => 1 / (1 + Math.exp(-x)),
    };
    return [...row.keys()]
      .sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0) || a - b)
      .slice(0, k)
      .map(index => {
        const logit = row[index] ?? 0;
        return { class: index, label: (labels?.[index] ?? null) as Label, logit, probability: chances[problem](logit) };
      });
  });
}
