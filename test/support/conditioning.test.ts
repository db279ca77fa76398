import { describe, expect, test } from "vitest";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import { read } from "../../src/graph/read.ts";
import { expectFloat32, roundingError } from "./conditioning.ts";

const graph = read(
  [
    "graph sum {",
    "%x = input() : f32[N, 1, 1, 2]",
    "%w = param() : f32[1, 2]",
    "%b = param() : f32[1]",
    "%y = linear(%x, %w, %b) : f32[N, 1, 1, 1]",
    "return y: %y",
    "}",
  ].join("\n"),
);

/** x·1 − 1, of x and a bias of 0. */
const minusOne = (x: number) => {
  const values = new Map<string, Values>([
    ["x", { shape: [1, 1, 1, 2], data: Float64Array.of(x, 1) }],
    ["w", { shape: [1, 2], data: Float64Array.of(1, -1) }],
    ["b", { shape: [1], data: Float64Array.of(0) }],
  ]);
  return { graph, values };
};
const ulp = 2 ** -24;

describe("how far rounding takes an output", () => {
  test("terms that cancel leave as many digits fewer", () => {
    expect(roundingError(minusOne(2), "y") / ulp).toBeGreaterThan(0.5);
    expect(roundingError(minusOne(2), "y") / ulp).toBeLessThan(4);
    expect(roundingError(minusOne(1 + 2 ** -10), "y") / ulp).toBeGreaterThan(2 ** 10 / 2);
    expect(roundingError(minusOne(1 + 2 ** -10), "y") / ulp).toBeLessThan(2 ** 10 * 4);
  });

  test.each([
    ["what is well conditioned keeps the limit of a float32 backend", 2, 0.9e-5, 1.1e-5],
    ["what is not has eight times what rounding does", 1 + 2 ** -10, 3e-4, 2e-3],
  ])("%s", (_, x, right, wrong) => {
    const given = minusOne(x);
    const y = evaluate(given.graph, given.values).get("y")?.data[0] as number;
    const expectOff = (off: number): void => expectFloat32(given, "y", [y * (1 + off)], [y], "y");
    expectOff(right);
    expect(() => expectOff(wrong)).toThrow("y: expected");
    expect(() => expectOff(Number.NaN)).toThrow("y: expected");
  });
});
