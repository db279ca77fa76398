import { describe, expect, test } from "vitest";
import { full } from "../support/full.ts";
import { expectSlopes, firstFamily } from "./finite-differences.ts";
import { family } from "./random-learners.ts";

const families = Array.from({ length: full ? 100 : 2 }, (_, i) => firstFamily + i);

describe("gradients are slopes", () => {
  test.each(families)("twenty random models, family %i", async index => {
    for (const learner of family(index))
      await expect(expectSlopes(learner), `seed ${learner.seed}`).resolves.toBeUndefined();
  });
});
