import { expect, test } from "vitest";
import type { Exploration, Variant } from "../../src/explore/result.ts";
import { scatterOf } from "../../src/explore/scatter.ts";

const variant = (index: number, macs: number, params: number): Variant => ({
  index,
  macs,
  params,
  values: [],
  stages: [],
  activations: 0,
  estimates: [],
});

const explored = (
  variants: readonly Variant[],
  best: readonly number[],
  front = ["macs:max", "params"],
): Exploration => ({
  format: "cnxc-exploration-1",
  query: { spec: "", sweep: "", axes: [], settings: [], where: [], sort: [], top: null, front },
  points: variants.length,
  visited: variants.length,
  complete: true,
  shard: null,
  search: null,
  variants,
  front: best,
});

/** Where a sign stands: rows from the top, columns from the left of the plot. */
function places(text: string, sign: string): readonly (readonly [row: number, column: number])[] {
  const lines = text.split("\n");
  const left = (lines.find(line => line.includes("└")) ?? "").indexOf("└") + 1;
  return lines.flatMap((line, row) =>
    [...line].flatMap((character, column) => (character === sign ? [[row - 1, column - left] as const] : [])),
  );
}

test("variants stand where their figures are, those of the front above others", () => {
  const text = scatterOf(
    explored([variant(0, 100, 1), variant(1, 200, 3), variant(2, 300, 5), variant(3, 200, 3)], [0, 2, 3]),
    80,
  );
  const lines = text.split("\n");
  const width = 80 - 4 - 2;
  expect(places(text, "*")).toEqual([
    [0, width - 1],
    [8, Math.round((width - 1) / 2)],
    [15, 0],
  ]);
  expect(places(text, "·")).toEqual([]);
  expect(lines[0]).toBe("MACs");
  expect(lines[1]).toMatch(/^ 300 ┤ +\*$/);
  expect(lines[16]).toBe(" 100 ┤*");
  expect(lines[18]).toMatch(/^ {6}1 +parameters +5$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});

test("wide ranges are drawn to a logarithmic scale, and say so", () => {
  const text = scatterOf(explored([variant(0, 1e6, 10), variant(1, 1e7, 20), variant(2, 1e8, 30)], [0]), 100);
  expect(text).toMatch(/^MACs, log scale\n +100 M ┤/);
  expect(places(text, "·").map(([row]) => row)).toEqual([0, 8]);
  expect(text).toMatch(/ {3}parameters {3}/);
});

test("nothing is drawn where there is no room, no plane, or nothing to compare", () => {
  const two = [variant(0, 1, 2), variant(1, 2, 3)];
  expect(scatterOf(explored(two, [0]), 80)).not.toBe("");
  expect(scatterOf(explored(two, [0]), 79)).toBe("");
  expect(scatterOf(explored(two, [0], ["macs:max"]), 80)).toBe("");
  expect(scatterOf(explored(two.slice(1), [0]), 80)).toBe("");
  expect(scatterOf(explored([variant(0, 7, 7), variant(1, 7, 7)], [0]), 80)).toMatch(/┤|│/);
});
