import { describe, expect, test } from "vitest";
import type { Labelled } from "../../../src/training/validation/labelled.ts";
import { linearProbe } from "../../../src/training/validation/linear-probe.ts";
import { nearestNeighbours } from "../../../src/training/validation/nearest-neighbours.ts";
import { addScores, noScores } from "../../../src/training/validation/scores.ts";
import { generatorTensor } from "../../../src/weights/made/generator.ts";

const breathe = async () => {};

const labelled = (rows: readonly (readonly number[])[], labels: readonly number[]): Labelled => ({
  features: Float64Array.from(rows.flat()),
  width: rows[0]?.length ?? 0,
  labels,
});

describe("scores", () => {
  test("are the mean cross-entropy, and how often the class is among the likeliest", () => {
    const scores = noScores();
    const logits = Float32Array.of(Math.log(4), 0, 0, 0, 0, 0, /**/ 1, 2, 3, 4, 5, 6);
    addScores(scores, logits, 6, [0, 0]);
    const second = Math.log([0, 1, 2, 3, 4, 5].reduce((sum, k) => sum + Math.exp(k), 0));
    expect(scores).toMatchObject({ images: 2, top1: 1, top5: 1 });
    expect(scores.crossEntropy).toBeCloseTo(Math.log(9 / 4) + second, 6);
  });

  test("take the earlier of equal classes for the likelier, and nothing that is not finite for right", () => {
    const scores = noScores();
    addScores(scores, Float32Array.of(1, 1, 1, 1), 2, [0, 1]);
    expect(scores.top1).toBe(1);
    addScores(scores, Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY, 0), 2, [0, 0]);
    expect(scores).toMatchObject({ images: 4, top1: 1, crossEntropy: Number.NaN });
  });
});

describe("k nearest neighbours", () => {
  test("vote by direction, whatever the lengths", async () => {
    const train = labelled(
      [...Array(15).fill([1, 0.1]), ...Array(30).fill([0.1, 5])],
      [...Array(15).fill(0), ...Array(30).fill(1)],
    );
    const test = labelled(
      [
        [9, 1],
        [0, 0.01],
        [3, 0],
      ],
      [0, 1, 1],
    );
    expect(await nearestNeighbours(train, test, breathe)).toBeCloseTo(2 / 3, 12);
  });

  test("are 20, of which the nearer weigh more", async () => {
    // One at the same place outweighs 19 that are 90° away; 40 more of the other class are farther still.
    const rows = [[1, 0], ...Array(19).fill([0, 1]), ...Array(40).fill([-1, 0])];
    const labels = [0, ...Array(59).fill(1)];
    expect(await nearestNeighbours(labelled(rows, labels), labelled([[1, 0]], [0]), breathe)).toBe(1);
    // exp(1 / 0.07) is 1.6e6: nearer to each other, the many win.
    const close = [[1, 0], ...Array(19).fill([0.95, Math.sqrt(1 - 0.95 ** 2)])];
    expect(await nearestNeighbours(labelled(close, labels.slice(0, 20)), labelled([[1, 0]], [1]), breathe)).toBe(1);
    const alone = [...Array(20).fill([1, 0]), ...Array(400).fill([0.999, Math.sqrt(1 - 0.999 ** 2)])];
    const many = [...Array(20).fill(0), ...Array(400).fill(1)];
    expect(await nearestNeighbours(labelled(alone, many), labelled([[1, 0]], [0]), breathe)).toBe(1);
  });

  test("of features that are not finite are nothing", async () => {
    const broken = labelled([[1, Number.NaN]], [0]);
    expect(await nearestNeighbours(broken, labelled([[1, 0]], [0]), breathe)).toBeNaN();
    expect(await nearestNeighbours(labelled([[0, 0]], [0]), labelled([[1, 0]], [0]), breathe)).toBe(1);
  });
});

describe("a linear probe", () => {
  /** Three classes, told apart by the sign of two features out of six, at very different scales. */
  const drawn = (seed: number, images: number) => {
    const noise = generatorTensor(seed, "features", images * 6, 0, 1);
    const labels = Array.from({ length: images }, (_, n) => n % 3);
    const rows = labels.map((label, n) =>
      [...noise.subarray(6 * n, 6 * n + 6)].map((value, j) => {
        const told = j < 2 ? (j === label ? 4 : -4) : 0;
        return (value + told) * 10 ** (j - 3) + 7;
      }),
    );
    return labelled([...rows], labels);
  };

  test("separates what a plane separates, at whatever scale", async () => {
    expect(await linearProbe(drawn(1, 90), drawn(2, 60), 3, breathe)).toBe(1);
  });

  test("is no better than chance on labels that mean nothing", async () => {
    const [train, asked] = [drawn(1, 300), drawn(2, 300)];
    const shuffled = { ...train, labels: train.labels.map((_, n) => Math.floor(n / 2) % 3) };
    const accuracy = await linearProbe(shuffled, asked, 3, breathe);
    expect(accuracy).toBeGreaterThan(0.15);
    expect(accuracy).toBeLessThan(0.55);
  });

  test("ignores what never varies, and of features that are not finite is nothing", async () => {
    const flat = (of: Labelled): Labelled => ({ ...of, features: of.features.map((v, i) => (i % 6 === 5 ? 3 : v)) });
    expect(await linearProbe(flat(drawn(1, 90)), flat(drawn(2, 60)), 3, breathe)).toBe(1);
    const broken = labelled([[Number.POSITIVE_INFINITY]], [0]);
    expect(await linearProbe(broken, labelled([[1]], [0]), 2, breathe)).toBeNaN();
  });

  test("goes the way of most where classes overlap", async () => {
    const train = labelled([[-2], [-1], [1], [2]], [0, 1, 0, 1]);
    expect(await linearProbe(train, labelled([[-3], [3]], [0, 1]), 2, breathe)).toBe(1);
  });
});
