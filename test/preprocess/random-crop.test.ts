import { describe, expect, test } from "vitest";
import { fitBox, fitPicture } from "../../src/preprocess/fit.ts";
import { mirror, type Picture } from "../../src/preprocess/picture.ts";
import { type Box, randomCrop } from "../../src/preprocess/random-crop.ts";
import { uniformStream } from "../../src/weights/made/streams.ts";
import { receiver } from "./pictures.ts";

const drawn = (count: number, size: { width: number; height: number }, min: number, max: number): readonly Box[] => {
  const next = uniformStream(`${size.width}x${size.height}`);
  return Array.from({ length: count }, () => randomCrop(size, { min, max }, next));
};

const picture = (width: number, height: number, channels = 3): Picture => {
  const next = uniformStream(`${width},${height}`);
  const data = Uint8Array.from({ length: width * height * channels }, () => Math.floor((next() + 1) * 128));
  return { width, height, channels, data };
};

/** Whether values are uniform between two, by Kolmogorov and Smirnov's test: 1.95 is exceeded once in a thousand. */
function isUniform(values: readonly number[], low: number, high: number): boolean {
  const sorted = values.map(value => (value - low) / (high - low)).sort((a, b) => a - b);
  const n = sorted.length;
  const worst = Math.max(...sorted.map((value, i) => Math.max((i + 1) / n - value, value - i / n)));
  return sorted[0] !== undefined && worst < 1.95 / Math.sqrt(n);
}

describe("a random crop", () => {
  test("has a share, a ratio and a place that are drawn as torchvision draws them", () => {
    // So large that rounding is nothing, and shares so small that every first try fits.
    const size = { width: 40_000, height: 40_000 };
    const boxes = drawn(4000, size, 0.1, 0.5);
    const shares = boxes.map(({ width, height }) => (width * height) / (size.width * size.height));
    expect(isUniform(shares, 0.1, 0.5)).toBe(true);
    const ratios = boxes.map(({ width, height }) => Math.log(width / height));
    expect(isUniform(ratios, Math.log(3 / 4), Math.log(4 / 3))).toBe(true);
    const left = boxes.map(box => box.left / (size.width - box.width));
    const top = boxes.map(box => box.top / (size.height - box.height));
    expect(isUniform(left, 0, 1)).toBe(true);
    expect(isUniform(top, 0, 1)).toBe(true);
  });

  test("lies inside, whatever the picture, and reaches edges where it can", () => {
    for (const [width, height] of [
      [1, 1],
      [3, 200],
      [200, 3],
      [28, 28],
      [5, 6],
    ] as const) {
      const boxes = drawn(500, { width, height }, 0.08, 1);
      for (const box of boxes) {
        expect(Math.min(box.left, box.top, box.width - 1, box.height - 1)).toBeGreaterThanOrEqual(0);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
      }
      if (Math.abs(width - height) > 1) continue;
      expect(boxes.some(box => box.left === 0)).toBe(true);
      expect(boxes.some(box => box.left + box.width === width)).toBe(true);
    }
  });

  test("that does not fit in ten tries is the middle, as wide and as high as the ratios allow", () => {
    const [long] = drawn(1, { width: 400, height: 30 }, 1, 1);
    expect(long).toEqual({ width: 40, height: 30, left: 180, top: 0 });
    const [high] = drawn(1, { width: 30, height: 400 }, 1, 1);
    expect(high).toEqual({ width: 30, height: 40, left: 0, top: 180 });
    let left = 20;
    const ten = () => {
      left--;
      return -0.99;
    };
    expect(randomCrop({ width: 31, height: 28 }, { min: 1, max: 1 }, ten)).toEqual({
      width: 31,
      height: 28,
      left: 0,
      top: 0,
    });
    expect(left).toBe(0);
  });

  test("of the whole picture is what resizing gives", () => {
    const whole = picture(60, 50);
    const to = receiver({ width: 48, height: 32 });
    const box = { left: 0, top: 0, width: 60, height: 50 };
    expect(fitBox(whole, box, to)).toEqual(fitPicture(whole, to));
  });

  test("sees nothing outside of itself", () => {
    const whole = picture(20, 16, 1);
    const box = { left: 3, top: 4, width: 9, height: 7 };
    const changed = whole.data.map((value, i) => {
      const [x, y] = [i % 20, Math.floor(i / 20)];
      return x >= 3 && x < 12 && y >= 4 && y < 11 ? value : 255 - value;
    });
    expect(fitBox({ ...whole, data: changed }, box, receiver({ width: 8, height: 8 }))).toEqual(
      fitBox(whole, box, receiver({ width: 8, height: 8 })),
    );
  });
});

test("mirrored planes have their columns in the other order", () => {
  const planes = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  mirror(planes, 3);
  expect([...planes]).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
});
