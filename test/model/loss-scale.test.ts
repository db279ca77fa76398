import { expect, test } from "vitest";
import { evaluate } from "../../src/graph/evaluate.ts";
import { lossScale } from "../../src/model/loss-scale.ts";
import { classifierOf } from "../../src/model/model.ts";
import { gradientPasses } from "../../src/passes/all.ts";
import { splitGrn } from "../../src/passes/split-grn.ts";
import { isLearned, learningGraph, withParams } from "../graph/gradients.ts";
import { denseGradients } from "../support/gradients.ts";
import { model } from "../support/models.ts";

const fcmae = {
  kind: "fcmae",
  maskRatio: 0.6,
  patchSize: 16,
  decoder: { depth: 1, dim: 8 },
  normPixLoss: true,
} as const;
const input = { height: 64, width: 64, channels: 3 };

test.each([
  ["a classifier, of 1 image", model({ head: classifierOf(10) }), 1, 1],
  ["of 64", model({ head: classifierOf(10) }), 64, 64],
  ["of 100", model({ head: classifierOf(10) }), 100, 64],
  // 10 of 16 patches are removed, of 768 values: 768 * 10 * 64 / 2 = 245,760.
  ["a masked autoencoder", model({ head: fcmae, input }), 64, 131072],
  ["features", model({ head: { kind: "features", levels: [1], norm: true } }), 64, 1],
] as const)("%s", (_, given, batch, scale) => {
  expect(lossScale(given, batch, "f16")).toBe(scale);
  for (const precision of ["f32", "bf16", "tf32"] as const) expect(lossScale(given, batch, precision)).toBe(1);
});

test("gradients are those of the loss, times the scale, and the loss is as it was", async () => {
  const { model: given, weights, inputs } = denseGradients("micro-64x64-b2");
  const of = async (scale: number) => {
    const graph = learningGraph(given, [splitGrn, ...gradientPasses(isLearned, scale)]);
    return evaluate(graph, await withParams(graph, weights, inputs));
  };
  const [plain, scaled] = [await of(1), await of(64)];
  expect(plain.size).toBeGreaterThan(50);
  for (const [name, { data }] of plain) {
    const times = name === "loss" ? 1 : 64;
    expect(Array.from(scaled.get(name)?.data ?? []), name).toEqual(Array.from(data, value => times * value));
  }
});
