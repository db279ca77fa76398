// @ts-check
// The golden atto: its model out of specs/, its weights and image out of the generator, its recorded logits.
import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const { loadProgram } = await import(path.join(root, "dist/node/inputs/program.js"));
const { generatorTensor, generatorWeights } = await import(path.join(root, "dist/weights/made/generator.js"));

/** Of test/golden/README.md, for a float32 backend. */
export const tolerance = { relL2: 1e-5, logit: 5e-5 };

export const atto = () => {
  const loaded = loadProgram(path.join(root, "specs/convnextv2.cnx"), null);
  if (!loaded.ok) throw new Error("specs/convnextv2.cnx is wrong");
  const golden = JSON.parse(fs.readFileSync(path.join(root, "test/golden/dense/atto-224x224-b1.json"), "utf8"));
  const { name, seed, params, input } = golden;
  const size = input.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
  const data = generatorTensor(seed, input.name, size, input.mean, input.halfwidth);
  const weights = generatorWeights(name, seed, params);
  return {
    request: {
      model: loaded.value.program.models.get("atto"),
      batch: 1,
      taps: [],
      weights,
      inputs: new Map([["pixel_values", { shape: input.shape, data }]]),
    },
    context: { weights, specHash: "", specName: "convnextv2.cnx", version: "", onnx: { opset: 20, layout: "plain" } },
    golden: /** @type {number[]} */ (golden.logits.values),
  };
};
