/** A linear warm-up and half a cosine, in steps or in epochs, which are then counted by their fractions. */
export interface Schedule {
  readonly warmup: number;
  /** Where the cosine ends; `minLr` from there on. */
  readonly total: number;
  readonly minLr: number;
}

/**
 * The learning rate at time t: linear from 0 up to `lr` over the warm-up, then half a cosine down to `minLr`. At 0 it is
 * 0: the first step of a run moves the moments and no weight.
 * Source: facebookresearch/ConvNeXt-V2, utils.py, `adjust_learning_rate`.
 */
export function learningRate(lr: number, { warmup, total, minLr }: Schedule, t: number): number {
  if (t < warmup) return (lr * t) / warmup;
  if (t >= total) return minLr;
  return minLr + ((lr - minLr) * (1 + Math.cos((Math.PI * (t - warmup)) / (total - warmup)))) / 2;
}
