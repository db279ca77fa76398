import { describe, expect, test } from "vitest";
import { findAdapter } from "../../../src/node/gpu/adapters.ts";
import { full } from "../../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel, mustBuild } from "../../support/models.ts";
import { runOnWebgpu } from "../../support/onnx-webgpu.ts";
import { expectLogits, relL2 } from "../../support/tolerance.ts";
import { compiledBytes, outputsOf, sessionOf } from "./compiled.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

const hasLavapipe = (await findAdapter("lavapipe")).ok;
const read = (file: string) => readGolden<Dense>(`dense/${file}`);
const sizes = ["atto-224x224-b1", "atto-96x160-b1", "atto-odd-224x230-b1", "atto-odd-299x299-b1"];
const files = [...sizes, ...(full ? ["tiny-224x224-b1", "tiny-384x384-b1"] : [])];

/** A graph of any size, from the model at 224x224. */
function compiled(file: string, half = false) {
  const golden = read(file);
  const own = goldenModel(golden);
  const model = { ...own, input: { ...own.input, height: 224, width: 224 } };
  return {
    golden,
    own,
    given: { model, graph: mustBuild(model), weights: goldenWeights(golden), anySize: true, half },
  };
}

describe("one graph of any size gives PyTorch's numbers", () => {
  test.each(files.flatMap(file => ([20, 17] as const).map(opset => ({ file, opset }))))(
    "$file, opset $opset",
    async ({ file, opset }) => {
      const { golden, own, given } = compiled(file);
      const found = await outputsOf(await sessionOf({ ...given, opset }), own, goldenInput(golden).values);
      expectLogits(found.get("logits")?.data ?? [], golden.logits.values);
    },
  );

  const small = ["micro-odd-33x47-b2", ...(full ? ["micro-64x64-b2", ...sizes] : [])];
  test.runIf(hasLavapipe).each(small)("%s on WebGPU, in f32 and in f16", async file => {
    for (const half of [false, true]) {
      const { golden, given } = compiled(file, half);
      const { shape, values } = goldenInput(golden);
      const inputs = new Map([["pixel_values", { shape, data: Float32Array.from(values) }]]);
      const found = (await runOnWebgpu((await compiledBytes(given)).model, inputs)).get("logits")?.data ?? [];
      if (half) expect(relL2(found, golden.logits.values)).toBeLessThan(5e-3);
      else expectLogits(found, golden.logits.values);
    }
  });
});
