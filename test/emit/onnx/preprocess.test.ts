import { expect, test } from "vitest";
import { onnxFiles } from "../../../src/emit/onnx/files.ts";
import { withPreprocessing } from "../../../src/emit/onnx/preprocess-graph.ts";
import { usualPreprocess } from "../../../src/model/preprocess.ts";
import { openOnnx } from "../../../src/node/executors/onnx.ts";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { type Picture, type Receiver, toPlanes } from "../../../src/preprocess/picture.ts";
import { apart, pillowCases, receiver, seededPicture, torchvisionCases } from "../../preprocess/pictures.ts";
import { bytesOf } from "./compiled.ts";

const noWeights = {
  weights: { origin: "test", f32: async () => new Float32Array() },
  read: async () => ({ shape: [], data: new Float64Array() }),
};

/** A model that gives what the preprocessing makes of `image`, and nothing else. */
async function preprocessing(model: Receiver): Promise<Uint8Array> {
  const { input } = model;
  const shape = ["batch", input.channels, input.height, input.width];
  const nothing = {
    name: "nothing",
    nodes: [{ name: "out", op: "Identity", inputs: ["pixel_values"], outputs: ["out"], attributes: [] }],
    initializers: [],
    inputs: [{ name: "pixel_values", dtype: "f32", shape }],
    outputs: [{ name: "out", dtype: "f32", shape }],
  } as const;
  const graph = { ...withPreprocessing(nothing, model), doc: "", values: [] };
  const file = { irVersion: 9, opset: 20, producer: { name: "test", version: "" }, doc: "", metadata: [], graph };
  const [written] = onnxFiles("model", file, noWeights, 1000);
  if (written === undefined) throw new Error("unreachable");
  return bytesOf(written);
}

/**
 * How far ONNX Runtime may be from Pillow: the steps of 1/255, and the share of values apart at all. It does not round a
 * linear resize between its passes, and is less exact where sides have a common divisor.
 */
const limits = new Map([
  ["bicubic", { steps: 1.001, share: 3e-3 }],
  ["bilinear", { steps: 4, share: 0.25 }],
]);

const cases = [
  ...torchvisionCases().map(({ picture, input }) => {
    const title = `${picture.width}×${picture.height} to ${input.width}×${input.height}`;
    return { title: `${title}, as published`, picture, model: receiver(input), limit: { steps: 1.001, share: 1e-3 } };
  }),
  ...pillowCases().flatMap(one => {
    const limit = limits.get(one.model.preprocess.interpolation);
    return limit === undefined ? [] : [{ ...one, limit }];
  }),
];

/** What a graph makes of a picture, twice. */
async function runOn(picture: Picture, model: Receiver) {
  const session = await openOnnx({ model: await preprocessing(model) }, { threads: 1 });
  if (!session.ok) throw new Error(session.diagnostics[0]?.message);
  const { width, height, data } = picture;
  const twice = new Uint8Array(2 * data.length);
  twice.set(data);
  twice.set(data, data.length);
  const run = await session.value.run(new Map([["image", { shape: [2, height, width, 3], data: twice }]]));
  await session.value.close();
  if (!run.ok) throw new Error(run.diagnostics[0]?.message);
  const found = run.value.outputs.get("out");
  if (found === undefined) throw new Error("unreachable");
  return found;
}

test.each(cases)("ONNX Runtime fits $title", async ({ picture, model, limit }) => {
  const found = await runOn(picture, model);
  expect(found.shape).toEqual([2, 3, model.input.height, model.input.width]);
  const expected = toPlanes(fitPicture(picture, model), model.preprocess);
  for (const n of [0, 1]) {
    const { steps, share } = apart(found.data.subarray(n * expected.length, (n + 1) * expected.length), expected);
    expect(steps).toBeLessThan(limit.steps);
    expect(share).toBeLessThan(limit.share);
  }
});

test("bands in another order, some of them, with numbers of their own", async () => {
  const input = { height: 16, width: 16, channels: 2 };
  const own = { ...usualPreprocess(input), bands: [2, 0], mean: [0.1, 0.2], std: [0.5, 2] };
  const picture = seededPicture(3, { width: 16, height: 16 });
  const model = { input, preprocess: { ...own, resize: { mode: "squash", height: 16, width: 16 } as const } };
  const { data } = await runOn(picture, model);
  const plane = 16 * 16;
  for (let i = 0; i < plane; i += 37) {
    expect(data[i]).toBeCloseTo(((picture.data[3 * i + 2] ?? 0) / 255 - 0.1) / 0.5, 5);
    expect(data[plane + i]).toBeCloseTo(((picture.data[3 * i] ?? 0) / 255 - 0.2) / 2, 5);
  }
});
