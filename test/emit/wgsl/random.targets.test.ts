import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tapsOf } from "../../../src/graph/build.ts";
import { evaluate } from "../../../src/graph/evaluate.ts";
import { resolve } from "../../../src/graph/graph.ts";
import type { Model } from "../../../src/model/model.ts";
import { classifierOf } from "../../../src/model/model.ts";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { full } from "../../support/full.ts";
import { choices, feed, model, mustBuild, randomModel, testInput, testWeights } from "../../support/models.ts";
import { relL2 } from "../../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

/** Whole batch, whole batch again, every image alone; all against the interpreter, and bit for bit each other. */
async function compare(
  given: Model,
  batch: number,
  seed: number,
  tuning: WebgpuProfileName = "swiftshader",
  taps: readonly string[] = [],
): Promise<void> {
  const graph = mustBuild(given, taps);
  const weights = testWeights(graph, seed);
  const input = testInput(given, batch, seed);
  const wanted = evaluate(graph, await feed(graph, weights, input, batch));
  const params = [...graph.nodes.values()].filter(node => node.op === "param");
  const tensors = new Map<string, Float32Array>();
  for (const { id } of params) tensors.set(id, await weights.f32(id));

  const image = input.length / batch;
  const alone = Array.from({ length: batch }, (_, i) => input.slice(i * image, (i + 1) * image));
  const found = await (gpu as WebgpuProcess).run({
    descriptor: compiledWgsl({ model: given, tuning, batch: { min: 1, max: batch }, taps }),
    weights: { kind: "tensors", tensors },
    runs: [input, input, ...alone].map(values => ({ pixel_values: Float32Array.from(values) })),
  });
  const [whole = {}, again = {}, ...each] = found.outputs;
  expect(Object.keys(whole).sort()).toEqual([...wanted.keys()].sort());
  for (const { name, value } of graph.outputs) {
    const values = whole[name] ?? new Float32Array();
    const shape = resolve(graph.nodes.get(value)?.type.shape ?? [], batch);
    expect(values.length, `${name} [${shape}]`).toBe(shape.reduce((a, b) => a * b, 1));
    expect(relL2(values, wanted.get(name)?.data ?? []), name).toBeLessThan(1e-5);
    expect(bits(again[name]), `${name}, once more`).toEqual(bits(values));
    if (given.grn === "per_batch") continue;
    const size = values.length / batch;
    each.forEach((one, i) => {
      expect(bits(one[name]), `${name}, image ${i} alone`).toEqual(bits(values.slice(i * size, (i + 1) * size)));
    });
  }
}

const bits = (values: Float32Array | undefined): Uint8Array =>
  new Uint8Array(values?.buffer ?? new ArrayBuffer(0), values?.byteOffset, values?.byteLength);

describe.runIf(hasSwiftShader)("R24: WebGPU gives the interpreter's numbers, of an image alone the same bits", () => {
  const special: Readonly<Record<string, { readonly model: Model; readonly batch: number }>> = {
    "1, 3, 5 and 10 channels": { model: model({ depths: [1, 1, 1, 1], dims: [1, 3, 5, 10] }), batch: 2 },
    "63x63 kernel on a 7x7 map": { model: model({ depths: [1], kernels: [63], input: image(28, 28) }), batch: 1 },
    "11x11 kernel on channels that no vector divides": {
      model: model({ depths: [1], dims: [3], kernels: [11] }),
      batch: 2,
    },
    "13x13 and 1x1 kernels": { model: model({ kernels: [13, 1], input: image(40, 24) }), batch: 2 },
    "last stage of one position": { model: model({ depths: [1, 1, 1, 1], dims: [4, 8, 12, 16] }), batch: 3 },
    "one row, one column": { model: model({ input: image(8, 88), depths: [1, 2], dims: [6, 7] }), batch: 2 },
    "GRN over the batch": { model: model({ grn: "per_batch", dims: [10, 20] }), batch: 3 },
    "no GRN, layer scale": { model: model({ grn: "none", layerScale: 1e-6, dims: [12, 20] }), batch: 2 },
    "all levels, normed": { model: features([1, 2, 3], true), batch: 2 },
    "some levels, as they are": { model: features([1, 3], false), batch: 2 },
    "pooled features": { model: model({ head: classifierOf(0) }), batch: 2 },
    "1 to 64 images, one set of kernels": { model: model({ input: image(16, 16), dims: [5, 8] }), batch: 64 },
    "a batch of nine": { model: model({ input: image(16, 16), dims: [5, 9] }), batch: 9 },
  };
  /** Each compiles kernels for seconds: in every run half of them, in the full suite all. */
  test.each(Object.keys(special).filter((_, i) => full || i % 2 === 0))("%s", async name => {
    const { model: given, batch } = special[name] as (typeof special)[string];
    await compare(given, batch, 1);
  });

  test.each(["gpu", "lavapipe"] as const)("tiles for %s", async tuning => {
    await compare(model({ depths: [1], dims: [10], input: image(20, 12), grn: "per_batch" }), 2, 2, tuning);
    await compare(model({ depths: [1, 1], dims: [6, 17], input: image(16, 24) }), 2, 3, tuning);
  });

  test.each([
    ["channels that no vector divides", model({ depths: [1, 1], dims: [3, 5], mlpRatio: 3, input: image(40, 40) })],
    ["GRN over the batch", model({ depths: [1], dims: [6], grn: "per_batch", input: image(36, 36) })],
    ["no GRN, layer scale", model({ depths: [1, 1], dims: [5, 8], grn: "none", layerScale: 0.5 })],
  ])("all modules tapped: %s", async (_, given) => {
    await compare(given, 2, 5, "swiftshader", [...tapsOf(given).keys()]);
  });

  test.runIf(full)("GRN's scale in chunks, where it does not fit in workgroup memory", async () => {
    await compare(model({ depths: [1], dims: [520], input: image(16, 16) }), 2, 4, "gpu");
  });

  test.each(Array.from({ length: full ? 120 : 3 }, (_, i) => i + 1))("random model %i", async seed => {
    const { model: given, batch } = randomModel(seed);
    await compare(given, batch, seed, choices(seed * 31 + 7).pick(["swiftshader", "software", "lavapipe"]));
  });
});

function image(height: number, width: number): Model["input"] {
  return { height, width, channels: 3 };
}

function features(levels: readonly number[], norm: boolean): Model {
  return model({ depths: [1, 1, 1], dims: [8, 10, 12], head: { kind: "features", levels: [...levels], norm } });
}
