import { describe, test } from "vitest";
import { full } from "../support/full.ts";
import { expectSlopes, quick } from "./finite-differences.ts";

const seeds = full ? Array.from({ length: 100 }, (_, seed) => seed) : [0, 3, 6, 16, 20];

describe("gradients are slopes", () => {
  test.each(seeds.filter(seed => !quick.includes(seed)))("random model %i", expectSlopes);
});
