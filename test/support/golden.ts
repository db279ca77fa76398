import { readFileSync } from "node:fs";
import { type GeneratorRow, generatorTensor, generatorWeights } from "../../src/weights/made/generator.ts";
import { elements, type Param, type Weights } from "../../src/weights/tensor.ts";

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
  /** These rows decide what the weights are. */
  readonly params: readonly GeneratorRow[];
}

const folder = new URL("../golden/", import.meta.url);

/** One golden file by its path in `test/golden`: `dense/micro-64x64-b2`. `T` adds the fields of its kind. */
export const readGolden = <T extends object = object>(path: string): Golden & T =>
  JSON.parse(readFileSync(new URL(`${path}.json`, folder), "utf8"));

/** The file's parameters, in official names and shapes. */
export const goldenParams = (golden: Golden): readonly Param[] =>
  golden.params.map(([name, shape]) => ({ name, shape }));

/** The file's weights. */
export const goldenWeights = ({ name, seed, params }: Golden): Weights =>
  generatorWeights(`golden:${name}`, seed, params);

/** The file's image batch, NCHW. */
export function goldenInput(golden: Golden): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const { name, shape, mean, halfwidth } = golden.input;
  return { shape, values: generatorTensor(golden.seed, name, elements(shape), mean, halfwidth) };
}
