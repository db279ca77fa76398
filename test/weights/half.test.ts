import { expect, test } from "vitest";
import { toF32 } from "../../src/weights/dtype.ts";
import { beyondHalf, toHalf } from "../../src/weights/half.ts";

const widened = (halves: Uint16Array): Float32Array => toF32.F16(new Uint8Array(halves.buffer));
const all = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const isNaNHalf = (half: number): boolean => (half & 0x7fff) > 0x7c00;

test("every f16 value comes back as itself", () => {
  const back = toHalf(widened(all));
  for (const half of all) expect(isNaNHalf(half) ? isNaNHalf(back[half] as number) : back[half] === half).toBe(true);
});

test("between two neighbours it takes the nearer, halfway the even one", () => {
  for (let half = 0; half < 0x7bff; half++) {
    const [low, high] = widened(Uint16Array.of(half, half + 1)) as unknown as [number, number];
    const middle = (low + high) / 2;
    const even = half % 2 === 0 ? half : half + 1;
    const step = (high - low) / 256;
    const given = [middle - step, middle, middle + step];
    const found = toHalf(Float32Array.from([...given, ...given.map(value => -value)]));
    const wanted = [half, even, half + 1];
    expect([...found]).toEqual([...wanted, ...wanted.map(value => value | 0x8000)]);
  }
});

test("what is too large is infinite, what is too small 0, with their signs", () => {
  const given = [65519.99, 65520, 1e38, Number.POSITIVE_INFINITY, 2 ** -25, 2.0000001 * 2 ** -25, 1e-45, 0, -0, -1e9];
  expect([...toHalf(Float32Array.from(given))]).toEqual([0x7bff, 0x7c00, 0x7c00, 0x7c00, 0, 1, 0, 0, 0x8000, 0xfc00]);
});

test("the first finite value beyond 65504 is named", () => {
  const infinite = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  expect(beyondHalf(Float32Array.of(1, -65504, 65504, ...infinite))).toBe(-1);
  expect(beyondHalf(Float32Array.of(1, ...infinite, -65505, 70000))).toBe(4);
});
