import { describe, expect, test } from "vitest";
import { drawMix, type Mix, mixImages, mixRows } from "../../src/training/mix.ts";
import { symmetricBeta } from "../../src/weights/made/beta.ts";
import { uniformStream } from "../../src/weights/made/streams.ts";

const input = { height: 20, width: 12, channels: 2 };

const mixes = (count: number, mixup: number, cutmix: number): readonly Mix[] =>
  Array.from({ length: count }, (_, i) =>
    drawMix({ crop: null, flip: false, mixup, cutmix }, input, uniformStream(`${i}`), a => symmetricBeta(`s${i}`, a)),
  );

/** Two images, one of zeros and one of ones. */
const pair = () => [new Float32Array(2 * 20 * 12), new Float32Array(2 * 20 * 12).fill(1)] as const;
const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("how two images are mixed", () => {
  test("one way or the other, each in half of the pairs, where a recipe has both", () => {
    const boxes = mixes(2000, 0.8, 1).filter(({ box }) => box !== null).length;
    expect(Math.abs(boxes - 1000)).toBeLessThan(5 * Math.sqrt(500));
    expect(mixes(50, 0.8, 0).every(({ box }) => box === null)).toBe(true);
    expect(mixes(50, 0, 1).every(({ box }) => box !== null)).toBe(true);
  });

  test("labels have exactly the share that the pixels have", () => {
    for (const mix of mixes(300, 0.8, 1)) {
      const [one, other] = pair();
      mixImages(one, other, input, mix);
      expect(mean(one)).toBeCloseTo(1 - mix.share, 6);
      expect(mean(other)).toBeCloseTo(mix.share, 6);
      const rows = [Float64Array.of(1, 0, 0), Float64Array.of(0, 0.2, 0.8)] as const;
      mixRows(...rows, mix.share);
      for (const row of rows) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 14);
      expect(rows[0][0]).toBe(mix.share);
    }
  });

  test("a box is exchanged, in all channels, and nothing else is touched", () => {
    const next = uniformStream("pixels");
    const [one, other] = pair().map(values => values.map(() => next())) as [Float32Array, Float32Array];
    const before = [one.slice(), other.slice()];
    const box = { top: 3, bottom: 9, left: 0, right: 5 };
    mixImages(one, other, input, { share: 0.875, box });
    one.forEach((value, i) => {
      const [x, y] = [i % 12, Math.floor(i / 12) % 20];
      const inside = x < 5 && y >= 3 && y < 9 ? 1 : 0;
      expect([value, other[i]]).toEqual([before[inside]?.[i], before[1 - inside]?.[i]]);
    });
  });

  test("the area of a box is that of timm's: cut sides, halved, around a place that may lie at the edge", () => {
    const values =
      (...list: number[]) =>
      () =>
        list.shift() ?? 0;
    const cutmix = { crop: null, flip: false, mixup: 0, cutmix: 1 };
    // sqrt(1 - 0.64) = 0.6: sides of int(12) and int(7.2), of which 6 and 3 lie on both sides of the place.
    const middle = drawMix(cutmix, input, values(0, 0), () => 0.64);
    expect(middle).toEqual({ share: 1 - (12 * 6) / 240, box: { top: 4, bottom: 16, left: 3, right: 9 } });
    const corner = drawMix(cutmix, input, values(-0.999, 0.999), () => 0.64);
    expect(corner).toEqual({ share: 1 - (6 * 4) / 240, box: { top: 0, bottom: 6, left: 8, right: 12 } });
    expect(drawMix(cutmix, input, values(0, 0), () => 1).share).toBe(1);
  });
});
