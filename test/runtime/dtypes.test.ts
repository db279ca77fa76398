import { expect, test } from "vitest";
import { dtypes } from "../../src/runtime/weights/dtypes.ts";
import { toF32 } from "../../src/weights/dtype.ts";

/** Every value of 16 bits. */
const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);

test.each(["F16", "BF16"] as const)("all values of %s are those that the compiler reads", dtype => {
  const found = dtypes[dtype].toF32(all.slice().buffer);
  const expected = toF32[dtype](new Uint8Array(all.buffer));
  const differing = found.findIndex((value, i) => !Object.is(value, expected[i]));
  expect(differing).toBe(-1);
});
