import { describe, expect, test } from "vitest";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { read } from "../../src/graph/read.ts";
import { expectFloat32, roundingError } from "./conditioning.ts";

const graphOf = (...lines: readonly string[]): Graph => read(["graph sum {", ...lines, "return y: %y", "}"].join("\n"));
const tensor = (shape: readonly number[], data: readonly number[]): Values => ({
  shape,
  data: Float64Array.from(data, Math.fround),
});

const difference = graphOf(
  "%x = input() : f32[N, 1, 1, 2]",
  "%w = param() : f32[1, 2]",
  "%b = param() : f32[1]",
  "%y = linear(%x, %w, %b) : f32[N, 1, 1, 1]",
);

/** x/3 − 1/3, of x and a bias of 0: a third has all digits of a float32, so that its products round. */
const lessThird = (x: number) => ({
  graph: difference,
  values: new Map([
    ["x", tensor([1, 1, 1, 2], [x, 1])],
    ["w", tensor([1, 2], [1 / 3, -1 / 3])],
    ["b", tensor([1], [0])],
  ]),
});
const ulp = 2 ** -24;

describe("how far rounding takes an output", () => {
  test("terms that cancel leave as many digits fewer", () => {
    expect(roundingError(lessThird(3), "y") / ulp).toBeGreaterThan(0.5);
    expect(roundingError(lessThird(3), "y") / ulp).toBeLessThan(4);
    expect(roundingError(lessThird(1 + 2 ** -10), "y") / ulp).toBeGreaterThan(2 ** 10 / 2);
    expect(roundingError(lessThird(1 + 2 ** -10), "y") / ulp).toBeLessThan(2 ** 10 * 4);
  });

  test("a sum of many terms rounds at each, however exact they are", () => {
    const rows = 1000;
    const terms = Array.from({ length: 2 * rows }, (_, row) => (row < rows ? 1 : -1) / 3);
    const graph = graphOf("%x = input() : f32[N, 1, 1, 1]", "%y = channelSum(%x) : f32[1]");
    const values = new Map([["x", tensor([2 * rows + 1, 1, 1, 1], [...terms, 1])]]);
    // Partial sums come to 333, whose last place is worth 256 times that of the 1 that is left.
    const expected = 256 * Math.sqrt(rows);
    expect(roundingError({ graph, values }, "y") / ulp).toBeGreaterThan(expected / 3);
    expect(roundingError({ graph, values }, "y") / ulp).toBeLessThan(expected * 3);
  });

  test("a formula rounds within itself", () => {
    const graph = graphOf(
      "%x = input() : f32[N, 1, 1, 3]",
      "%d = input() : f32[N, 1, 1, 3]",
      "%w = param() : f32[1, 3]",
      "%b = param() : f32[1]",
      "%dx = rescaleGrad(%x, %d) {eps: 0.000001, by: deviation} : f32[N, 1, 1, 3]",
      "%y = linear(%dx, %w, %b) : f32[N, 1, 1, 1]",
    );
    const values = new Map([
      ["x", tensor([1, 1, 1, 3], [14.36, 13.84, 14.77])],
      ["d", tensor([1, 1, 1, 3], [-0.73, 0.77, 0.76])],
      ["w", tensor([1, 3], [1, 1, 1])],
      ["b", tensor([1], [0])],
    ]);
    // Deviations come to 0, but for how their mean of 14 is rounded: ρ³·Σ(d·x)/2, 56 times that, is in each of dx.
    expect(roundingError({ graph, values }, "y") / ulp).toBeGreaterThan(200);
    expect(roundingError({ graph, values }, "y") / ulp).toBeLessThan(4000);
  });

  test.each([
    ["what is well conditioned keeps the limit of a float32 backend", 3, 0.9e-5, 1.1e-5],
    ["what is not has four times what rounding does", 1 + 2 ** -10, 1e-4, 1e-3],
  ])("%s", (_, x, right, wrong) => {
    const given = lessThird(x);
    const y = evaluate(given.graph, given.values).get("y")?.data[0] as number;
    const expectOff = (off: number): void => expectFloat32(given, "y", [y * (1 + off)], [y], "y");
    expectOff(right);
    expect(() => expectOff(wrong)).toThrow("y: expected");
    expect(() => expectOff(Number.NaN)).toThrow("y: expected");
  });
});
