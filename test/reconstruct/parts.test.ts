import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitPicture } from "../../src/preprocess/fit.ts";
import { asSeen, type Picture, pictureOf, toPicture, toPlanes, toRgba } from "../../src/preprocess/picture.ts";
import { channelDistance } from "../../src/reconstruct/collapse.ts";
import { hidePatches, type Patched, reconstruct } from "../../src/reconstruct/patches.ts";
import { strip } from "../../src/reconstruct/strip.ts";
import { generatorTensor } from "../../src/weights/made/generator.ts";
import { receiver } from "../preprocess/pictures.ts";
import type { FcmaeGolden } from "../support/fcmae.ts";
import { goldenInput, readGolden } from "../support/golden.ts";

const noise = (name: string, size: number): Float32Array => generatorTensor(3, name, size, 0, 1.7);

/** Every size that a patch divides, squares or not. */
const patched: fc.Arbitrary<Patched> = fc
  .record({
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 4 }),
    patchSize: fc.constantFrom(2, 4, 8),
    channels: fc.constantFrom(1, 3, 4),
  })
  .map(({ rows, columns, patchSize, channels }) => ({
    input: { height: rows * patchSize, width: columns * patchSize, channels },
    patchSize,
  }));

/** The target of the official loss, written as its einsum has it: nchpwq → nhwpqc, then values of a patch first. */
function patchified(planes: Float32Array, { input, patchSize: p }: Patched, normalise: boolean): Float32Array {
  const { height, width, channels } = input;
  const [rows, columns] = [height / p, width / p];
  const target = new Float32Array(planes.length);
  for (let h = 0; h < rows; h++)
    for (let w = 0; w < columns; w++) {
      const values: number[] = [];
      for (let y = 0; y < p; y++)
        for (let x = 0; x < p; x++)
          for (let c = 0; c < channels; c++) values.push(planes[(c * height + h * p + y) * width + w * p + x] ?? 0);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
      values.forEach((v, k) => {
        target[(k * rows + h) * columns + w] = normalise ? (v - mean) / Math.sqrt(variance + 1e-6) : v;
      });
    }
  return target;
}

describe("a reconstruction", () => {
  test.each([true, false])("of a perfect prediction is the image, norm_pix_loss %s", normalise => {
    fc.assert(
      fc.property(patched, of => {
        const { height, width, channels } = of.input;
        const planes = noise("image", height * width * channels);
        const patches = (height / of.patchSize) * (width / of.patchSize);
        const mask = new Float32Array(patches).fill(1);
        const { planes: again, loss } = reconstruct(planes, mask, patchified(planes, of, normalise), of, normalise);
        if (!normalise) expect(again).toEqual(planes);
        again.forEach((value, i) => {
          expect(Math.abs(value - (planes[i] ?? 0))).toBeLessThan(2e-6);
        });
        expect(loss).toBeLessThan(1e-12);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test("keeps what was visible, to the bit", () => {
    const of: Patched = { input: { height: 16, width: 24, channels: 3 }, patchSize: 8 };
    const planes = noise("image", 16 * 24 * 3);
    const mask = Float32Array.of(1, 0, 1, 0, 0, 1);
    const { planes: pasted } = reconstruct(planes, mask, noise("pred", planes.length), of, true);
    const changed = new Set<number>();
    pasted.forEach((value, i) => {
      if (value !== planes[i]) changed.add(Math.floor((i % 384) / 24 / 8) * 3 + Math.floor((i % 24) / 8));
    });
    expect([...changed].sort()).toEqual([0, 2, 5]);
  });

  test("has the loss that was recorded, image by image", () => {
    const golden = readGolden<FcmaeGolden>("fcmae/micro-128-b2");
    const { loss, loss_per_patch } = golden.grn_scope_sample;
    // The mean over removed patches of what the golden file says of each patch.
    const means = golden.mask.map((mask, n) => {
      const errors = loss_per_patch.norm_pix_loss[n]?.filter((_, k) => mask[k] === 1) ?? [];
      return errors.reduce((sum, e) => sum + e, 0) / errors.length;
    });
    expect(means.reduce((sum, m) => sum + m, 0) / means.length).toBeCloseTo(loss.norm_pix_loss, 6);
    // A prediction of zeros has the mean square of the target, which is (n - 1) / n where variances are far from 1e-6.
    const of: Patched = { input: { height: 128, width: 128, channels: 3 }, patchSize: 32 };
    const planes = goldenInput(golden).values.slice(0, 3 * 128 * 128);
    const zeros = reconstruct(
      planes,
      Float32Array.from(golden.mask[0] ?? []),
      new Float32Array(planes.length),
      of,
      true,
    );
    expect(zeros.loss).toBeCloseTo(3071 / 3072, 5);
  });
});

describe("pictures", () => {
  const rgba = Uint8Array.from(
    { length: 4 * 6 },
    (_, i) => (i % 4 === 3 ? [255, 0, 128][Math.floor(i / 4) % 3] : i * 9) ?? 0,
  );

  test("to planes and back is the same picture", () => {
    for (const channels of [1, 3, 4] as const) {
      const picture = pictureOf(rgba.slice(), 3, 2, channels);
      expect(asSeen(picture, receiver(picture, channels))).toEqual(picture);
      expect(toRgba(picture)).toHaveLength(24);
    }
  });

  test("are normalised as published", () => {
    const white = { width: 1, height: 1, channels: 3, data: Uint8Array.of(255, 255, 255) };
    expect([...toPlanes(white, receiver(white).preprocess)].map(v => v.toFixed(4))).toEqual([
      "2.2489",
      "2.4286",
      "2.6400",
    ]);
  });

  test("what is transparent is white, what is out of range black or full", () => {
    expect([...pictureOf(Uint8Array.of(9, 9, 9, 0), 1, 1, 3).data]).toEqual([255, 255, 255]);
    const size = { width: 1, height: 1, channels: 3 };
    expect([...toPicture(Float32Array.of(-9, 0, 9), receiver(size)).data]).toEqual([0, 116, 255]);
  });

  test("removed patches are grey", () => {
    const hidden = hidePatches(pictureOf(new Uint8Array(4 * 32).fill(255), 8, 4, 3), Float32Array.of(1, 0), 4);
    expect([...hidden.data.subarray(0, 24)]).toEqual([...Array(12).fill(128), ...Array(12).fill(255)]);
  });

  test("a strip has white between its pictures", () => {
    const black = { width: 4, height: 2, channels: 3, data: new Uint8Array(24) };
    const all = strip([
      [black, black, black],
      [black, black, black],
    ]);
    expect([all.width, all.height, all.channels]).toEqual([4 * 3 + 16, 2 * 2 + 8, 4]);
    expect(all.data.filter((v, i) => i % 4 === 0 && v === 0)).toHaveLength(6 * 8);
  });
});

describe("the size of a model", () => {
  const gradient = (width: number, height: number): Picture => ({
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return [(255 * x) / (width - 1), (255 * y) / (height - 1), 77][i % 3] ?? 0;
    }),
  });

  test.each([
    [300, 200, 224, 224],
    [200, 300, 224, 224],
    [31, 500, 64, 64],
    [640, 480, 384, 384],
    [640, 480, 160, 96],
    [64, 64, 96, 160],
  ])("%i×%i to %i×%i", (width, height, toWidth, toHeight) => {
    const fitted = fitPicture(gradient(width, height), receiver({ width: toWidth, height: toHeight }));
    expect([fitted.width, fitted.height, fitted.data.length]).toEqual([toWidth, toHeight, toWidth * toHeight * 3]);
    // What is cropped off is the same on both sides: the middle stays the middle, and blue is one value all over.
    const at = (x: number, y: number, c: number) => fitted.data[(y * toWidth + x) * 3 + c] ?? 0;
    expect(Math.abs(at(0, 0, 0) + at(toWidth - 1, 0, 0) - 255)).toBeLessThan(5);
    expect(Math.abs(at(0, 0, 1) + at(0, toHeight - 1, 1) - 255)).toBeLessThan(9);
    expect(new Set(fitted.data.filter((_, i) => i % 3 === 2))).toEqual(new Set([77]));
  });

  test("224 keeps 224 of the 256 that the shorter side gets", () => {
    const stripes = gradient(256, 256);
    const fitted = fitPicture(stripes, receiver({ width: 224, height: 224 }));
    expect(fitted.data[0]).toBe(stripes.data[16 * 3]);
  });

  test("384 is not cropped", () => {
    const fitted = fitPicture(gradient(384, 384), receiver({ width: 384, height: 384 }));
    expect(fitted.data).toEqual(gradient(384, 384).data);
  });
});

describe("the distance of channels", () => {
  const map = (channels: number, data: readonly number[]) => ({
    channels,
    height: 1,
    width: data.length / channels,
    data: Float32Array.from(data),
  });
  const all = (columns: number) => new Float32Array(columns);

  test("copies have none, opposites all, right angles half", () => {
    expect(channelDistance(map(3, [1, 2, 2, 4, 3, 6]), all(2), 1, 2)).toBeCloseTo(0, 12);
    expect(channelDistance(map(2, [1, 2, -1, -2]), all(2), 1, 2)).toBeCloseTo(0.5, 12); // each is itself in half the pairs
    expect(channelDistance(map(2, [1, 0, 0, 1]), all(2), 1, 2)).toBeCloseTo(0.25, 12);
    expect(channelDistance(map(2, [0, 0, 0, 0]), all(2), 1, 2)).toBe(0.5);
  });

  test("is the mean over all pairs, over kept positions only", () => {
    const [channels, rows, columns] = [5, 2, 3];
    const [height, width] = [4, 6];
    const data = noise("map", channels * height * width);
    const mask = Float32Array.of(0, 1, 0, 1, 0, 1);
    const kept = Array.from({ length: height * width }, (_, i) => i).filter(
      i => mask[Math.floor(i / width / 2) * columns + Math.floor((i % width) / 2)] === 0,
    );
    const vector = (c: number) => kept.map(i => data[c * height * width + i] ?? 0);
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
    let sum = 0;
    for (let i = 0; i < channels; i++)
      for (let j = 0; j < channels; j++) {
        const [a, b] = [vector(i), vector(j)];
        sum += (1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))) / 2;
      }
    expect(channelDistance({ channels, height, width, data }, mask, rows, columns)).toBeCloseTo(sum / 25, 10);
  });
});
