import { describe, expect, test } from "vitest";
import { readOnnx } from "../../src/artifact/onnx-model.ts";
import { onnxFiles } from "../../src/emit/onnx/files.ts";
import { onnxModel } from "../../src/emit/onnx/onnx.ts";
import { memorySource } from "../../src/weights/formats/source.ts";
import { bytesOf, type Compile, compiledBytes, contextOf, loweredGraph } from "../emit/onnx/compiled.ts";
import { full } from "../support/full.ts";
import { readGolden } from "../support/golden.ts";
import { goldenModel, model, mustBuild, randomModel, testWeights } from "../support/models.ts";

// The controls: whatever the emitter writes is right to the reader, in every form.

const expectRight = async (bytes: Uint8Array): Promise<void> =>
  expect((await readOnnx(memorySource("model.onnx", bytes))).diagnostics).toEqual([]);

const masked = model({
  input: { height: 32, width: 48, channels: 3 },
  head: { kind: "fcmae", maskRatio: 0.6, patchSize: 8, decoder: { depth: 1, dim: 24 }, normPixLoss: true },
});
const forms = [17, 20].flatMap(opset =>
  [false, true].flatMap(half =>
    (["compact", "masked"] as const).map(sites => ({ opset: opset as 17 | 20, half, sites })),
  ),
);

describe.each(forms)("opset $opset, half $half, $sites", form => {
  test.each([
    { what: "a classifier", of: model({}) },
    { what: "features", of: model({ head: { kind: "features", levels: [1, 2], norm: true } }) },
    { what: "version 1 with tanh", of: model({ grn: "none", layerScale: 1e-6, activation: "gelu_tanh" }) },
    { what: "GRN over the batch", of: model({ grn: "per_batch" }) },
    { what: "a masked autoencoder", of: masked },
  ])("$what", async ({ of }) => {
    const graph = mustBuild(of);
    const given: Compile = { ...form, model: of, graph, weights: testWeights(graph, 3) };
    await expectRight((await compiledBytes(given)).model);
    await expectRight((await compiledBytes({ ...given, limit: 0 })).model);
    await expectRight((await compiledBytes({ ...given, weights: null })).model);
    if (of.head.kind !== "fcmae") await expectRight((await compiledBytes({ ...given, anySize: true })).model);
  });
});

test.each([32, 384])("a graph that preprocesses, %i pixels", async side => {
  const of = model({ input: { height: side, width: side, channels: 3 } });
  const graph = mustBuild(of);
  const context = { ...contextOf({ model: of, graph, weights: null }), preprocess: true };
  const [file] = onnxFiles("model", onnxModel(loweredGraph(graph), context), null, 0);
  await expectRight(await bytesOf(file as never));
});

test("huge", async () => {
  const huge = goldenModel(readGolden("dense/huge-224x224-b1"));
  await expectRight((await compiledBytes({ model: huge, graph: mustBuild(huge), weights: null })).model);
});

test(`specs that nobody thought of`, async () => {
  for (let seed = 0; seed < (full ? 400 : 60); seed++) {
    const { model: of } = randomModel(seed);
    const graph = mustBuild(of);
    const given = { model: of, graph, weights: null, opset: seed % 2 === 0 ? 20 : 17, half: seed % 3 === 0 } as const;
    await expectRight((await compiledBytes(given)).model);
    await expectRight((await compiledBytes({ ...given, anySize: true })).model);
  }
});
