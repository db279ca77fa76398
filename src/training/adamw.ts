/** What AdamW keeps of a parameter from step to step, in float64. */
export interface Moments {
  readonly param: Float64Array;
  /** Running averages of the gradient and of its square. */
  readonly expAvg: Float64Array;
  readonly expAvgSq: Float64Array;
}

/** What the n-th update divides the two averages by, n from 1: they began at 0. The second as its square root. */
export const biasCorrections = ([beta1, beta2]: readonly [number, number], n: number) => ({
  first: 1 - beta1 ** n,
  second: Math.sqrt(1 - beta2 ** n),
});

export interface AdamWStep {
  readonly lr: number;
  /** 0 for a parameter that does not decay. */
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly corrections: ReturnType<typeof biasCorrections>;
  /** What every gradient is multiplied by first: clipping. */
  readonly scale: number;
}

/**
 * One update of a parameter. The decay is decoupled: it acts on the weights before the moments do, and is no part of them.
 * Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, in the order of torch.optim.AdamW.
 */
export function adamw({ param, expAvg, expAvgSq }: Moments, gradient: Float64Array, step: AdamWStep): void {
  const { lr, weightDecay, eps, corrections, scale } = step;
  const [beta1, beta2] = step.betas;
  const size = lr / corrections.first;
  for (let i = 0; i < param.length; i++) {
    const g = (gradient[i] as number) * scale;
    const m = beta1 * (expAvg[i] as number) + (1 - beta1) * g;
    const v = beta2 * (expAvgSq[i] as number) + (1 - beta2) * g * g;
    const p = param[i] as number;
    expAvg[i] = m;
    expAvgSq[i] = v;
    param[i] = p - lr * weightDecay * p - (size * m) / (Math.sqrt(v) / corrections.second + eps);
  }
}
