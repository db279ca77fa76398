import { describe, test } from "vitest";
import { expectSlopes, firstFamily } from "./finite-differences.ts";
import { family, type Learner } from "./random-learners.ts";

// Many more: finite-differences.targets.test.ts. One of each of ten families, none of them at the same place.
const models = Array.from({ length: 10 }, (_, i) => family(firstFamily + i)[i] as Learner);

describe("gradients are slopes", () => {
  test.each(models)("random model $seed", expectSlopes);
});
