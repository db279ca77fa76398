import { readFileSync } from "node:fs";
import { invariant } from "../../src/diagnostics/invariant.ts";
import { generatorTensor } from "../../src/weights/generator.ts";
import { elements, type Param, type Weights } from "../../src/weights/tensor.ts";

/** `[name, shape, mean, halfwidth]`: the rows that decide what a golden file's weights are. */
export type GoldenParam = readonly [name: string, shape: readonly number[], mean: number, halfwidth: number];

/** What every golden file says about itself; see `test/golden/README.md`. The rest differs by kind. */
export interface Golden {
  readonly format: string;
  readonly kind: string;
  readonly name: string;
  readonly variant: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly input: {
    readonly name: string;
    readonly shape: readonly number[];
    readonly mean: number;
    readonly halfwidth: number;
  };
  readonly param_count: number;
  readonly params: readonly GoldenParam[];
}

const folder = new URL("../golden/", import.meta.url);

/** One golden file by its path in `test/golden`: `dense/micro-64x64-b2`. `T` adds the fields of its kind. */
export const readGolden = <T extends object = object>(path: string): Golden & T =>
  JSON.parse(readFileSync(new URL(`${path}.json`, folder), "utf8"));

/** The file's parameters, in official names and shapes. */
export const goldenParams = (golden: Golden): readonly Param[] =>
  golden.params.map(([name, shape]) => ({ name, shape }));

/** The file's weights; every tensor is generated when it is asked for, so huge needs no 2.6 GB. */
export function goldenWeights(golden: Golden): Weights {
  const rows = new Map(golden.params.map(row => [row[0], row]));
  return {
    origin: `golden:${golden.name}`,
    f32: async name => {
      const row = rows.get(name);
      invariant(row !== undefined, `golden ${golden.name} has no parameter '${name}'`);
      const [, shape, mean, halfwidth] = row;
      return generatorTensor(golden.seed, name, elements(shape), mean, halfwidth);
    },
  };
}

/** The file's image batch, NCHW. */
export function goldenInput(golden: Golden): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const { name, shape, mean, halfwidth } = golden.input;
  return { shape, values: generatorTensor(golden.seed, name, elements(shape), mean, halfwidth) };
}
