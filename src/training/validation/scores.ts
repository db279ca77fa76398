/** How good the logits of images are, summed over them. */
export interface Scores {
  images: number;
  /** Sum of −log p of the true class, in nats. */
  crossEntropy: number;
  /** Images whose true class is the likeliest, or among the five likeliest. */
  top1: number;
  top5: number;
}

export const noScores = (): Scores => ({ images: 0, crossEntropy: 0, top1: 0, top5: 0 });

/**
 * Adds images, whose logits are [images, classes]. Of equal logits the earlier class is the likelier; logits that are not
 * finite are never right.
 */
export function addScores(scores: Scores, logits: Float32Array, classes: number, labels: readonly number[]): void {
  for (const [n, label] of labels.entries()) {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    const own = row[label] as number;
    const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, logit) => total + Math.exp(logit - most), 0);
    let before = 0;
    for (const [k, logit] of row.entries()) if (logit > own || (logit === own && k < label)) before++;
    scores.images++;
    scores.crossEntropy += Math.log(sum) + most - own;
    if (!row.every(Number.isFinite)) continue;
    if (before < 1) scores.top1++;
    if (before < 5) scores.top5++;
  }
}
