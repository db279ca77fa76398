import { normalStream, stableExp, stableLog, uniformStream } from "./streams.ts";

/** A value of Beta(a, a), a > 0, by two of Gamma(a): always the same for the same name. */
export function symmetricBeta(name: string, a: number): number {
  const [one, other] = [logGamma(`${name}:0`, a), logGamma(`${name}:1`, a)];
  return 1 / (1 + stableExp(other - one));
}

/**
 * The logarithm of a value of Gamma(a) with scale 1. Source: Marsaglia and Tsang, A simple method for generating gamma
 * variables, 2000; for a < 1 their section 6, in logarithms, since the power may be below every float.
 */
function logGamma(name: string, a: number): number {
  const normal = normalStream(`${name}:normal`);
  const uniform = uniformStream(`${name}:uniform`);
  const logUniform = (): number => stableLog((uniform() + 1) / 2);
  const d = (a < 1 ? a + 1 : a) - 1 / 3;
  for (;;) {
    const x = normal();
    const cubic = cube(1 + x / Math.sqrt(9 * d));
    if (cubic <= 0) continue;
    const log = logOf(cubic);
    if (logUniform() >= (x * x) / 2 + d * (1 - cubic + log)) continue;
    return logOf(d) + log + (a < 1 ? logUniform() / a : 0);
  }
}

const logOf = (x: number): number => (x < 1 ? stableLog(x) : -stableLog(1 / x));

const cube = (x: number): number => x * x * x;
