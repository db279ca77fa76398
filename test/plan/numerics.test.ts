import { expect, test } from "vitest";
import { checkStorage } from "../../src/plan/numerics.ts";

test("maps and matrices may be kept in 16 bits, statistics and what is added to sums may not", () => {
  const half = (name: string) => () => checkStorage("a kernel", [{ name, half: true }]);
  for (const name of ["input", "output", "residual", "weight", "packed"]) expect(half(name)).not.toThrow();
  for (const name of ["squares", "partials", "scale", "bias", "gain", "gamma", "errors"])
    expect(half(name)).toThrow(`keeps its ${name} in 16 bits`);
  expect(() => checkStorage("a kernel", [{ name: "squares", half: false }])).not.toThrow();
});
