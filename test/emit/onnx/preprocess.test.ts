import { expect, test } from "vitest";
import { onnxFiles } from "../../../src/emit/onnx/files.ts";
import { withPreprocessing } from "../../../src/emit/onnx/preprocess-graph.ts";
import { openOnnx } from "../../../src/node/executors/onnx.ts";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { toPlanes } from "../../../src/preprocess/picture.ts";
import { apart, type TorchvisionCase, torchvisionCases } from "../../preprocess/pictures.ts";
import { bytesOf } from "./compiled.ts";

const noWeights = {
  weights: { origin: "test", f32: async () => new Float32Array() },
  read: async () => ({ shape: [], data: new Float64Array() }),
};

/** A model that gives what the preprocessing makes of `image`, and nothing else. */
async function preprocessing({ input }: TorchvisionCase): Promise<Uint8Array> {
  const shape = ["batch", 3, input.height, input.width];
  const nothing = {
    name: "nothing",
    nodes: [{ name: "out", op: "Identity", inputs: ["pixel_values"], outputs: ["out"], attributes: [] }],
    initializers: [],
    inputs: [{ name: "pixel_values", dtype: "f32", shape }],
    outputs: [{ name: "out", dtype: "f32", shape }],
  } as const;
  const graph = { ...withPreprocessing(nothing, input), doc: "", values: [] };
  const model = { irVersion: 9, opset: 20, producer: { name: "test", version: "" }, doc: "", metadata: [], graph };
  const [file] = onnxFiles("model", model, noWeights, 1000);
  if (file === undefined) throw new Error("unreachable");
  return bytesOf(file);
}

const cases = torchvisionCases().map(one => {
  const { picture, input } = one;
  return { ...one, title: `${picture.width}×${picture.height} to ${input.width}×${input.height}` };
});

test.each(cases)("ONNX Runtime fits $title as torchvision does", async one => {
  const session = await openOnnx({ model: await preprocessing(one) }, { threads: 1 });
  if (!session.ok) throw new Error(session.diagnostics[0]?.message);
  const { width, height, data } = one.picture;
  const twice = new Uint8Array(2 * data.length);
  twice.set(data);
  twice.set(data, data.length);
  const run = await session.value.run(new Map([["image", { shape: [2, height, width, 3], data: twice }]]));
  await session.value.close();
  if (!run.ok) throw new Error(run.diagnostics[0]?.message);
  const found = run.value.outputs.get("out");
  expect(found?.shape).toEqual([2, 3, one.input.height, one.input.width]);
  const expected = toPlanes(fitPicture(one.picture, one.input));
  for (const n of [0, 1]) {
    const planes = found?.data.subarray(n * expected.length, (n + 1) * expected.length) ?? [];
    const { steps, share } = apart(planes, expected);
    expect(steps).toBeLessThan(1.001);
    expect(share).toBeLessThan(1e-3);
  }
});
