import { invariant } from "../../diagnostics/invariant.ts";
import { utf8 } from "../formats/utf8.ts";
import { elements, type Weights } from "../tensor.ts";
import { fnv1a } from "./fnv1a.ts";

/**
 * Reproducible values for tests and demonstrations, the same bits in JavaScript, C and numpy: a xorshift32 stream
 * seeded with FNV-1a of `SEED:NAME`, uniform in [mean - halfwidth, mean + halfwidth), rounded to float32 once.
 * `name` is the official parameter name, `input` for the image; elements are row-major. Source: the generator
 * section of `test/golden/README.md`.
 */
export function generatorTensor(
  seed: number,
  name: string,
  size: number,
  mean: number,
  halfwidth: number,
): Float32Array {
  let x = generatorState(seed, name);
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    values[i] = mean + (2 * ((x >>> 0) / 4294967296) - 1) * halfwidth;
  }
  return values;
}

/** The stream's state before its first step; xorshift has no way out of 0. */
export const generatorState = (seed: number, name: string): number => fnv1a(utf8(`${seed}:${name}`)) || 0x9e3779b9;

/** One parameter of a generated set. */
export type GeneratorRow = readonly [name: string, shape: readonly number[], mean: number, halfwidth: number];

/** A set of generated parameters. Each tensor is made when it is asked for, so huge needs no 2.6 GB. */
export function generatorWeights(origin: string, seed: number, rows: readonly GeneratorRow[]): Weights {
  const byName = new Map(rows.map(row => [row[0], row]));
  return {
    origin,
    f32: async name => {
      const row = byName.get(name);
      invariant(row !== undefined, `${origin} has no parameter '${name}'`);
      const [, shape, mean, halfwidth] = row;
      return generatorTensor(seed, name, elements(shape), mean, halfwidth);
    },
  };
}
