import { expect, test } from "vitest";
import { progressOf } from "../../../../src/node/jobs/classify/class-line.ts";

test.each([
  [1600, 50_000, 16, "1600 of 50000 images  3.2%  100 images/s  0:09 left"],
  [16, 20, 32, "16 of 20 images  80.0%  0.500 images/s  8 s left"],
  [20, 20, 4, "20 of 20 images  100.0%  5.00 images/s  0 s left"],
])("%i of %i images after %f s", (done, count, seconds, text) => {
  expect(progressOf(done, count, seconds)).toBe(text);
});
