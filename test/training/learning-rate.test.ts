import { expect, test } from "vitest";
import { learningRate } from "../../src/training/learning-rate.ts";

const schedule = { warmup: 4, total: 12, minLr: 0.1 };

test("the learning rate rises from 0, and falls by half a cosine to its least, where it stays", () => {
  const at = (t: number) => learningRate(2, schedule, t);
  expect([0, 1, 2, 3].map(at)).toEqual([0, 0.5, 1, 1.5]);
  expect(at(4)).toBe(2);
  expect(at(8)).toBeCloseTo(0.1 + 1.9 / 2, 14);
  expect(at(6)).toBeCloseTo(0.1 + (1.9 * (1 + Math.SQRT1_2)) / 2, 14);
  expect([12, 13, 1000].map(at)).toEqual([0.1, 0.1, 0.1]);
});

test("it is defined everywhere: no warm-up, and one that is no shorter than the whole", () => {
  expect(learningRate(2, { ...schedule, warmup: 0 }, 0)).toBe(2);
  expect(learningRate(2, { ...schedule, warmup: 12 }, 11)).toBe((2 * 11) / 12);
  expect(learningRate(2, { ...schedule, warmup: 12 }, 12)).toBe(0.1);
  expect(learningRate(2, { ...schedule, warmup: 20 }, 16)).toBe((2 * 16) / 20);
});
