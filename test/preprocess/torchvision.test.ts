import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fitPicture } from "../../src/preprocess/fit.ts";
import { placement } from "../../src/preprocess/geometry.ts";
import { toPlanes } from "../../src/preprocess/picture.ts";
import { receiver, torchvisionCases } from "./pictures.ts";

const cases = torchvisionCases().map(one => {
  const { picture, input } = one;
  return { ...one, title: `${picture.width}×${picture.height} to ${input.width}×${input.height}` };
});

describe("as torchvision on PIL images", () => {
  test.each(cases)("$title, to the bit", ({ picture, input, sha256, step, samples }) => {
    const fitted = fitPicture(picture, receiver(input));
    expect([fitted.width, fitted.height]).toEqual([input.width, input.height]);
    expect(createHash("sha256").update(fitted.data).digest("hex")).toBe(sha256);
    const planes = toPlanes(fitted, receiver(input).preprocess);
    samples.forEach((value, i) => {
      expect(Math.abs((planes[i * step] ?? Number.NaN) - value)).toBeLessThan(2e-6);
    });
  });
});

test("halves of margins go to the even number, as Python rounds", () => {
  const to = { width: 32, height: 32 }; // the shorter side becomes 36
  const margins = [37, 38, 39, 40, 41, 43].map(
    width => placement({ width, height: 36 }, to, receiver(to).preprocess.resize).left,
  );
  expect(margins).toEqual([2, 3, 4, 4, 4, 6]);
});

test("a picture far longer than wide takes no more memory than its middle needs", () => {
  const picture = { width: 1, height: 1_000_000, channels: 3, data: new Uint8Array(3_000_000).fill(9) };
  const fitted = fitPicture(picture, receiver({ width: 224, height: 224 }));
  expect(fitted.data.every(value => value === 9)).toBe(true);
});
