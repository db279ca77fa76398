import type { GeluApproximation } from "./ops.ts";

/** erf to double precision: its Taylor series inside, the continued fraction of erfc outside. */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let term = t;
    let sum = t;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= -(t * t) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (t + fraction);
  return Math.sign(x) * (1 - Math.exp(-t * t) / Math.sqrt(Math.PI) / (t + fraction));
}

export const gelus: { readonly [K in GeluApproximation]: (x: number) => number } = {
  erf: x => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  tanh: x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: x => x * logistic(x),
  relu: x => Math.max(x, 0),
};

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** The derivative of x·Φ(x), and of what may stand in its place. */
export const geluSlopes: { readonly [K in GeluApproximation]: (x: number) => number } = {
  erf: x => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  tanh: x => {
    const t = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
  },
  silu: x => logistic(x) * (1 + x * (1 - logistic(x))),
  relu: x => (x > 0 ? 1 : 0),
};
