import { expect, test } from "vitest";
import { topK } from "../../src/runtime/top-k.ts";

const labels = ["cat", "dog", "owl"] as const;

test("the likeliest classes of each image, with their labels", () => {
  const found = topK(Float32Array.of(1, 3, 2, 1000, 1000, -1000), { classes: 3, labels, problem: "single_label" }, 2);
  expect(found.map(image => image.map(({ label }) => label))).toEqual([
    ["dog", "owl"],
    ["cat", "dog"],
  ]);
  expect(found[0]?.[0]).toMatchObject({ class: 1, logit: 3 });
  expect(found[0]?.[0]?.probability).toBeCloseTo(1 / (1 + Math.E ** -1 + Math.E ** -2), 14);
  expect(found[1]?.map(({ probability }) => probability)).toEqual([0.5, 0.5]);
});

test("a softmax that does not overflow, equal classes in their order", () => {
  const [image] = topK(
    Float32Array.of(1000, 1001, 1000, -1000),
    { classes: 4, labels: null, problem: "single_label" },
    3,
  );
  expect(image?.map(one => one.class)).toEqual([1, 0, 2]);
  expect(image?.[0]?.probability).toBeCloseTo(1 / (1 + 2 / Math.E), 15);
});

test("fewer classes than asked for are all of them", () => {
  expect(topK(Float32Array.of(0), { classes: 1, labels: null, problem: "multi_label" })).toEqual([
    [{ class: 0, label: null, logit: 0, probability: 0.5 }],
  ]);
});

test("classes that do not exclude each other have probabilities of their own", () => {
  const [image] = topK(Float32Array.of(0, 3, -1000), { classes: 3, labels: null, problem: "multi_label" });
  expect(image?.map(({ class: index, label }) => [index, label])).toEqual([
    [1, null],
    [0, null],
    [2, null],
  ]);
  expect(image?.[0]?.probability).toBeCloseTo(1 / (1 + Math.E ** -3), 14);
  expect(image?.[2]?.probability).toBe(0);
});

test.each([0, 4])("%i logits are no rows of three", length => {
  expect(() => topK(new Float32Array(length), { classes: 3, labels, problem: "single_label" })).toThrow(
    `${length} logits are no rows of 3`,
  );
});
