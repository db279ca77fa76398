import { describe, expect, test } from "vitest";
import { toF32 } from "../../../src/weights/dtype.ts";
import { halfTypes, toBF16Bits, toF16Bits } from "../../../src/weights/use/round.ts";

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);
/** The next float32 above a positive one, or below with -1. */
const step = (value: number, by: 1 | -1): number => {
  floats[0] = value;
  words[0] = (words[0] as number) + by;
  return floats[0] as number;
};

describe.each(["F16", "BF16"] as const)("to %s", type => {
  const { round, largest } = halfTypes[type];
  const all = toF32[type](new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer));

  test("every value of 16 bits is itself", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65_536; bits++)
      if (!Number.isNaN(all[bits]) && round(all[bits] as number) !== bits) wrong.push(bits);
    expect(wrong).toEqual([]);
  });

  test("between two neighbours the nearer, half-way the even one, on both sides of zero", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < largest; bits++) {
      const [below, above] = [all[bits] as number, all[bits + 1] as number];
      const half = (below + above) / 2;
      // Subnormal bfloat16 lie as close as a float32 can be to zero, but a half-way point is one still.
      const cases: readonly (readonly [value: number, wanted: number])[] = [
        [half, bits + (bits % 2)],
        [step(half, -1), bits],
        [step(half, 1), bits + 1],
      ];
      for (const [value, wanted] of cases)
        if (round(value) !== wanted || round(-value) !== (wanted | 0x8000)) wrong.push(value);
    }
    expect(wrong).toEqual([]);
  });

  test("what is beyond the largest, and what is no number", () => {
    const top = all[largest] as number;
    const infinity = largest + 1;
    const half = top + (top - (all[largest - 1] as number)) / 2;
    expect([round(step(half, -1)), round(half), round(Infinity), round(-Infinity)]).toEqual([
      largest,
      infinity,
      infinity,
      infinity | 0x8000,
    ]);
    expect(Number.isNaN(all[round(Number.NaN)])).toBe(true);
    // A NaN whose payload is in the lowest bits only.
    words[0] = 0x7f800001;
    expect(Number.isNaN(all[round(floats[0] as number)])).toBe(true);
  });
});

test.each([
  [65504, 0x7bff],
  [65519.99609375, 0x7bff],
  [65520, 0x7c00],
  [2 ** -24, 1],
  [2 ** -25, 0],
  [6e-8, 1],
  [-0, 0x8000],
])("%s is binary16 %i", (value, bits) => {
  expect(toF16Bits(value)).toBe(bits);
});

test.each([
  [1, 0x3f80],
  [1.00390625, 0x3f80],
  [1.01171875, 0x3f82],
  [3.4028234663852886e38, 0x7f80],
])("%s is bfloat16 %i", (value, bits) => {
  expect(toBF16Bits(value)).toBe(bits);
});
