import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Direction } from "../../src/explore/conditions.ts";
import { frontOf, hypervolume } from "../../src/explore/front.ts";
import type { Variant } from "../../src/explore/result.ts";

const column = (name: string, of: (variant: Variant) => number): Direction["column"] => ({
  name,
  title: name,
  unit: "",
  of,
});
const goals: readonly Direction[] = [
  { column: column("macs", ({ macs }) => macs), most: true },
  { column: column("params", ({ params }) => params), most: false },
];
const variant = (index: number, macs: number, params: number) =>
  ({ index, macs, params, values: [], stages: [], activations: 0, estimates: [] }) satisfies Variant;

test("the front is every variant that no other beats, of equals the first", () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(fc.array(point, { maxLength: 60 }), points => {
      const variants = points.map(([macs, params], i) => variant(i, macs, params));
      const beats = (a: Variant, b: Variant): boolean =>
        a.macs >= b.macs && a.params <= b.params && (a.macs > b.macs || a.params < b.params || a.index < b.index);
      const expected = variants.filter(b => !variants.some(a => beats(a, b))).map(({ index }) => index);
      const found = frontOf(goals, variants).map(({ index }) => index);
      expect([...found].sort((a, b) => a - b)).toEqual(expected);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("what a front is worth is the area that it dominates, cell by cell", () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 11 }));
  fc.assert(
    fc.property(fc.array(point, { maxLength: 20 }), points => {
      let cells = 0;
      for (let x = 0; x < 10; x++) for (let y = 0; y < 10; y++) if (points.some(([a, b]) => a <= x && b <= y)) cells++;
      expect(hypervolume(points, [10, 10])).toBe(cells);
    }),
    { seed: 2, numRuns: 500 },
  );
});
