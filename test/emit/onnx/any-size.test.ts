import { describe, expect, test } from "vitest";
import { onnxModel } from "../../../src/emit/onnx/onnx.ts";
import { onnxText } from "../../../src/emit/onnx/text.ts";
import { evaluate } from "../../../src/graph/evaluate.ts";
import type { Head, Model } from "../../../src/model/model.ts";
import { classifierOf, overlaps } from "../../../src/model/model.ts";
import { expectFloat32 } from "../../support/conditioning.ts";
import { full } from "../../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { feed, goldenModel, model, mustBuild, randomModel, testInput, testWeights } from "../../support/models.ts";
import { expectLogits, relL2 } from "../../support/tolerance.ts";
import { type Compile, contextOf, loweredGraph, outputsOf, sessionOf } from "./compiled.ts";

/** The same model for images of another size. */
const at = (model: Model, height: number, width: number): Model => ({
  ...model,
  input: { ...model.input, height, width },
});

/** One graph, whose outputs for images of these sizes are the interpreter's. */
async function expectReference(
  given: Pick<Compile, "model" | "opset" | "half">,
  sizes: readonly (readonly [height: number, width: number])[],
  seed: number,
  taps: readonly string[] = [],
): Promise<void> {
  const weights = testWeights(mustBuild(given.model), seed);
  const session = await sessionOf({ ...given, graph: mustBuild(given.model, taps), weights, anySize: true });
  for (const [height, width] of sizes) {
    const sized = at(given.model, height, width);
    const graph = mustBuild(sized, taps);
    const input = testInput(sized, 2, seed);
    const values = await feed(graph, weights, input, 2);
    const found = await outputsOf(session, sized, input);
    for (const [name, { shape, data }] of evaluate(graph, values)) {
      expect(found.get(name)?.shape, name).toEqual(shape);
      expectFloat32({ graph, values }, name, found.get(name)?.data ?? [], data, `${name}, ${height}x${width}`);
    }
  }
}

const several = [
  [32, 32],
  [8, 8],
  [33, 47],
  [15, 64],
  [9, 8],
] as const;

describe.each([17, 20] as const)("one graph takes images of any size, opset %i", opset => {
  const heads: readonly Head[] = [
    classifierOf(10),
    classifierOf(0),
    { kind: "features", levels: [1, 2], norm: true },
    { kind: "features", levels: [2], norm: false },
  ];
  test.each(heads)("%o", head => expectReference({ model: model({ head, dims: [32, 40] }), opset }, several, 3));
  test.each(["per_sample", "per_batch", "none"] as const)("grn %s", grn =>
    expectReference({ model: model({ grn }), opset }, several, 4),
  );
  test.each(overlaps)("stem %s", overlap =>
    expectReference({ model: model({ stem: { patch: 4, overlap } }), opset }, several, 6),
  );
  test("with modules as outputs", () =>
    expectReference({ model: model({}), opset }, several, 5, ["stages.0.0.grn", "stages.0.0.pwconv2", "stages.1"]));
});

test.each(["dense/micro-32x32-b1", "dense/micro-64x64-b2", "dense/micro-odd-33x47-b2", "dense/micro-odd-63x97-b1"])(
  "a graph of 224x224 gives PyTorch's numbers: %s",
  async file => {
    const golden = readGolden<{ logits: { values: number[] } }>(file);
    const given = at(goldenModel(golden), 224, 224);
    const session = await sessionOf({
      model: given,
      graph: mustBuild(given),
      weights: goldenWeights(golden),
      anySize: true,
    });
    const found = await outputsOf(session, goldenModel(golden), goldenInput(golden).values);
    expectLogits(found.get("logits")?.data ?? [], golden.logits.values);
  },
);

test("nothing of a size is in the file, and its sides have names", async () => {
  const head = { kind: "features", levels: [1, 2, 3], norm: true } as const;
  const of = (side: number) => {
    const given = model({
      head,
      depths: [1, 1, 1],
      dims: [8, 32, 64],
      input: { height: side, width: 2 * side, channels: 3 },
    });
    const graph = mustBuild(given, ["stages.0.0.norm"]);
    return onnxText(onnxModel(loweredGraph(graph), contextOf({ model: given, graph, weights: null, anySize: true })));
  };
  expect(of(233)).toBe(of(256));
  expect(of(256).match(/^(in|out)put .*/gm)).toEqual([
    "input %pixel_values: f32[batch,3,height,width]",
    "output %stage1: f32[batch,8,height_4,width_4]",
    "output %stage2: f32[batch,32,height_8,width_8]",
    "output %stage3: f32[batch,64,height_16,width_16]",
    "output %stages.0.0.norm: f32[batch,height_4,width_4,8]",
  ]);
});

test("in f16", async () => {
  const golden = readGolden<{ logits: { values: number[] } }>("dense/micro-odd-33x47-b2");
  const given = at(goldenModel(golden), 224, 224);
  const graph = mustBuild(given);
  const session = await sessionOf({ model: given, graph, weights: goldenWeights(golden), anySize: true, half: true });
  const found = await outputsOf(session, goldenModel(golden), goldenInput(golden).values);
  expect(relL2(found.get("logits")?.data ?? [], golden.logits.values)).toBeLessThan(5e-3);
});

describe("specs that nobody thought of", () => {
  test.each(Array.from({ length: full ? 200 : 20 }, (_, seed) => seed))("%i", async seed => {
    const { model } = randomModel(seed);
    const { height, width } = model.input;
    const sizes = [
      [height, width],
      [height + 3, width + 17],
    ] as const;
    await expectReference({ model, opset: seed % 2 === 0 ? 20 : 17 }, sizes, seed);
  });
});
