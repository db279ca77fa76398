import { expect, test } from "vitest";
import { checkStorage } from "../../src/plan/numerics.ts";

test("maps and matrices may be kept in 16 bits, statistics and what is added to sums may not", () => {
  const half = (role: string) => () => checkStorage("a kernel", [{ role, storage: "f16" }]);
  for (const role of ["input", "output", "residual", "weight", "packed"]) expect(half(role)).not.toThrow();
  for (const role of ["squares", "partials", "scale", "vector", "bias", "gain", "gamma", "errors"])
    expect(half(role)).toThrow(`keeps its ${role} in 16 bits`);
  expect(() => checkStorage("a kernel", [{ role: "squares", storage: "f32" }])).not.toThrow();
});
