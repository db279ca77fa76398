import { describe, expect, test } from "vitest";
import { type FloatTypes, floatTypes } from "../../../src/emit/onnx/float-types.ts";
import { findAdapter } from "../../../src/node/gpu/adapters.ts";
import { type Extreme, extremes, imageOf, modelOf, weightsOf } from "../../support/extremes.ts";
import { full } from "../../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel, mustBuild } from "../../support/models.ts";
import { runOnWebgpu } from "../../support/onnx-webgpu.ts";
import { expectLogits, relL2, topClasses } from "../../support/tolerance.ts";
import { type Compile, compiledBytes, outputsOf, sessionOf } from "./compiled.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

/** Unlike the CPU's, this provider has f16 kernels: they add up in f16 as well. */
const limit = 5e-3;
const hasLavapipe = (await findAdapter("lavapipe")).ok;

async function outputs(compile: Compile, data: Float32Array) {
  const { channels, height, width } = compile.model.input;
  const shape = [data.length / (channels * height * width), channels, height, width];
  return runOnWebgpu((await compiledBytes(compile)).model, new Map([["pixel_values", { shape, data }]]));
}

describe.runIf(hasLavapipe)("ONNX Runtime's WebGPU provider", () => {
  const published = full ? ["atto-224x224-b1", "tiny-224x224-b1"] : [];
  const files = ["micro-64x64-b2", "micro-tails-64x64-b2", ...published];
  test.each(files.flatMap(file => (full ? [20, 17] : [20]).map(opset => ({ file, opset: opset as 17 | 20 }))))(
    "$file, opset $opset, in f16 and in f32",
    async ({ file, opset }) => {
      const golden = readGolden<Dense>(`dense/${file}`);
      const model = goldenModel(golden);
      const given = { model, graph: mustBuild(model), weights: goldenWeights(golden), opset };
      const logitsOf = async (half: boolean) =>
        (await outputs({ ...given, half }, goldenInput(golden).values)).get("logits")?.data ?? new Float32Array();
      const { values } = golden.logits;
      expectLogits(await logitsOf(false), values);
      const logits = await logitsOf(true);
      const off = relL2(logits, values);
      if (full) console.info(file, opset, off);
      expect(off).toBeLessThan(limit);
      expect(off).toBeGreaterThan(1e-4);
      const images = golden.input.shape[0] as number;
      expect(topClasses(logits, images, 5)).toEqual(topClasses(values, images, 5));
    },
  );

  /** What a conversion of every tensor to f16 makes of the same graph. */
  const everywhere = Object.fromEntries(Object.keys(floatTypes).map(op => [op, "f16" as const])) as FloatTypes;

  async function offBy(extreme: Extreme, half: true | FloatTypes): Promise<number> {
    const model = modelOf(extreme);
    const graph = mustBuild(model);
    const given = { model, graph, weights: weightsOf(extreme, graph) };
    const exact = await outputsOf(await sessionOf(given), model, imageOf(extreme));
    const found = await outputs({ ...given, half }, imageOf(extreme));
    return relL2(found.get("stage1")?.data ?? [], exact.get("stage1")?.data ?? []);
  }

  const some = extremes.filter(({ name }) => full || /RMS 1 to 200$|constant image$/.test(name));
  test.each(some)("$name", async extreme => {
    const off = await offBy(extreme, true);
    if (full) console.info(extreme.name, off);
    expect(off).toBeLessThan(limit);
  });

  // The CPU's provider would not show it: it runs what has no f16 kernel in f32, and leaves the casts between out.
  test.each(extremes.filter(({ name }) => /RMS 1 to 200$|300$|1e-4/.test(name)))(
    "$name: f16 throughout is no number or far off",
    async extreme => {
      const off = await offBy(extreme, everywhere);
      if (full) console.info("throughout:", extreme.name, off);
      expect(off < 4 * limit).toBe(false);
    },
  );
});
