import { describe, test } from "vitest";
import { expectSlopes, quick } from "./finite-differences.ts";

// Larger ones, and many more: finite-differences.targets.test.ts.
describe("gradients are slopes", () => {
  test.each(quick)("random model %i", expectSlopes);
});
