import { utf8 } from "../formats/utf8.ts";
import { fnv1a } from "./fnv1a.ts";

/**
 * Unsigned 32-bit words: sfc32 of Chris Doty-Humphrey's PractRand, seeded with three different FNV-1a hashes of the
 * stream's name and stirred 16 times.
 */
function wordStream(name: string): () => number {
  const bytes = utf8(name);
  let a = fnv1a(bytes);
  let b = fnv1a(bytes, 0x9e3779b9);
  let c = fnv1a(bytes, 0x85ebca6b);
  let counter = 1;
  const next = (): number => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word >>> 0;
  };
  for (let k = 0; k < 16; k++) next();
  return next;
}

/** Uniform in (-1, 1), on a grid of 2^-31 whose points lie half-way between its steps, so that it never gives 0. */
export function uniformStream(name: string): () => number {
  const word = wordStream(name);
  return () => (word() + 0.5) / 0x80000000 - 1;
}

/**
 * Standard normal values by Marsaglia's polar method. Only + - * / and the square root, which IEEE 754 rounds in one
 * way: `Math.log` and `Math.cos` may differ between engines in their last bits.
 */
export function normalStream(name: string): () => number {
  const uniform = uniformStream(name);
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    let u = 0;
    let v = 0;
    let square = 1;
    while (square >= 1) {
      u = uniform();
      v = uniform();
      square = u * u + v * v;
    }
    const factor = Math.sqrt((-2 * stableLog(square)) / square);
    spare = v * factor;
    return u * factor;
  };
}

/** Natural logarithm for 0 < x < 1, to a few units in the last place and the same on every machine. */
export function stableLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < 0.7) {
    mantissa *= 2;
    exponent--;
  }
  // ln m = 2 artanh t, t = (m - 1) / (m + 1), |t| < 0.18: eleven terms leave less than 1e-17.
  const t = (mantissa - 1) / (mantissa + 1);
  let sum = 0;
  for (let k = 21; k >= 1; k -= 2) sum = sum * t * t + 1 / k;
  return 2 * t * sum + exponent * Math.LN2;
}

/** The exponential, to a relative 1e-13 and the same on every machine. */
export function stableExp(x: number): number {
  if (x < -745) return 0;
  if (x > 710) return Infinity;
  const exponent = Math.round(x / Math.LN2);
  const rest = x - exponent * Math.LN2; // within 0.35
  let sum = 1;
  for (let k = 14; k >= 1; k--) sum = 1 + (sum * rest) / k;
  // Two factors, since either alone may be beyond the floats.
  const half = Math.trunc(exponent / 2);
  return sum * 2 ** half * 2 ** (exponent - half);
}
