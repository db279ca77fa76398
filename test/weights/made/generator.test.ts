import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/weights/formats/utf8.ts";
import { fnv1a } from "../../../src/weights/made/fnv1a.ts";
import { generatorState, generatorTensor } from "../../../src/weights/made/generator.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";

interface Vector {
  readonly seed: number;
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly halfwidth: number;
  readonly state: number;
  readonly first: readonly number[];
  readonly last: number;
  readonly fnv1a_le_bytes: number;
}

const { vectors } = readGolden<{ readonly vectors: readonly Vector[] }>("generator");

describe("generator", () => {
  test.each(vectors)("$seed:$name $shape", ({ seed, name, shape, mean, halfwidth, ...expected }) => {
    const values = generatorTensor(seed, name, elements(shape), mean, halfwidth);
    expect(generatorState(seed, name)).toBe(expected.state);
    expect([...values.subarray(0, 4)]).toEqual(expected.first.map(Math.fround));
    expect(values.at(-1)).toBe(Math.fround(expected.last));
    expect(fnv1a(new Uint8Array(values.buffer))).toBe(expected.fnv1a_le_bytes);
  });

  test("utf8 is TextEncoder's", () => {
    for (const text of ["", "a", "\u00e9\u4e2d\u{1f600}\u0000", "\ud800x", "\udc00"])
      expect(utf8(text)).toEqual(new TextEncoder().encode(text));
  });
});

describe("golden files", () => {
  const files = readdirSync(new URL("../../golden/dense/", import.meta.url)).map(file => file.replace(".json", ""));

  test.each(files)("%s counts its parameters", file => {
    const golden = readGolden(`dense/${file}`);
    expect(goldenParams(golden).reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(golden.param_count);
  });

  test("weights and input come from the rows", async () => {
    const golden = readGolden("dense/micro-64x64-b2");
    expect(await goldenWeights(golden).f32("stages.0.0.norm.weight")).toEqual(
      generatorTensor(golden.seed, "stages.0.0.norm.weight", 8, 1, 0.2),
    );
    expect(goldenInput(golden).values[0]).toBe(Math.fround(0.20686084));
  });
});
