import { elements, type Param, type Weights } from "../tensor.ts";
import { type GeneratorRow, generatorWeights } from "./generator.ts";

/**
 * Weights whose every parameter matters to the outputs, for comparing kernels: freshly initialised ones leave GRN and
 * every bias at zero. Distributions are those of the table in test/golden/README.md; `params` bear official names.
 */
export const nondegenerateWeights = (seed: number, params: readonly Param[]): Weights =>
  generatorWeights(
    `nondegenerate:${seed}`,
    seed,
    params.map(({ name, shape }): GeneratorRow => [name, shape, ...spreadOf(name, shape)]),
  );

function spreadOf(name: string, shape: readonly number[]): readonly [mean: number, halfwidth: number] {
  if (name === "mask_token" || name.endsWith(".gamma")) return [0, 0.5];
  if (name.endsWith(".beta") || name.endsWith(".bias")) return [0, 0.1];
  if (shape.length === 1) return [1, 0.2];
  return [0, (name.includes(".pwconv2.") ? 0.3 : 1) * Math.sqrt(3 / elements(shape.slice(1)))];
}
