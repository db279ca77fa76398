import { expect, test } from "vitest";
import { symmetricBeta } from "../../../src/weights/made/beta.ts";
import { stableExp } from "../../../src/weights/made/streams.ts";

test("the exponential is right, and ends where floats do", () => {
  for (let x = -700; x <= 700; x += 0.377) expect(Math.abs(stableExp(x) / Math.exp(x) - 1)).toBeLessThan(1e-13);
  for (let x = -1; x <= 1; x += 0.0101) expect(Math.abs(stableExp(x) / Math.exp(x) - 1)).toBeLessThan(5e-16);
  expect([stableExp(0), stableExp(-1e9), stableExp(1e9)]).toEqual([1, 0, Infinity]);
  expect(stableExp(709)).toBeGreaterThan(8e307);
});

const count = 4000;
const values = (a: number) => Array.from({ length: count }, (_, i) => symmetricBeta(`test:${i}`, a));

test.each([0.01, 0.2, 0.8, 1, 2.5, 100])("Beta(%f, itself) has its mean, its variance and its fourth moment", a => {
  const drawn = values(a);
  const moment = (power: number) => drawn.reduce((sum, value) => sum + (value - 0.5) ** power, 0) / count;
  const variance = 1 / (4 * (2 * a + 1));
  const kurtosis = 3 - 6 / (2 * a + 3);
  // Five standard errors of each.
  expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(variance / count));
  expect(Math.abs(moment(2) / variance - 1)).toBeLessThan(5 * Math.sqrt((kurtosis - 1) / count) + 1e-12);
  expect(Math.abs(moment(4) / (kurtosis * variance ** 2) - 1)).toBeLessThan(5 * Math.sqrt(10 / count));
  expect(drawn.every(value => value >= 0 && value <= 1)).toBe(true);
});

test("Beta(1, 1) is uniform, and the same for the same name", () => {
  const sorted = values(1).sort((x, y) => x - y);
  expect(Math.max(...sorted.map((value, i) => Math.abs(value - (i + 0.5) / count)))).toBeLessThan(
    1.95 / Math.sqrt(count),
  );
  expect(values(0.8)).toEqual(values(0.8));
});
