import { expect, test } from "vitest";
import { nondegenerateWeights } from "../../../src/weights/made/nondegenerate.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";

test("the distributions are those of the golden files", async () => {
  for (const file of ["dense/micro-64x64-b2", "options/micro-v1-64x64-b2"]) {
    const golden = readGolden(file);
    const params = goldenParams(golden);
    const weights = nondegenerateWeights(golden.seed, params);
    const wanted = goldenWeights(golden);
    expect(weights.origin).toBe(`nondegenerate:${golden.seed}`);
    for (const { name } of params) expect(await weights.f32(name), name).toEqual(await wanted.f32(name));
  }
});

test("a mask token has a spread of its own", async () => {
  const shape = [1, 4096, 1, 1];
  const values = await nondegenerateWeights(1, [{ name: "mask_token", shape }]).f32("mask_token");
  expect(Math.max(...values)).toBeGreaterThan(0.49);
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.5);
});
