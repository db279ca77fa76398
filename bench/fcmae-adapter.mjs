// @ts-check
// A process of bench/fcmae.mjs: the encoders of one size on one adapter, run in turns.
import * as path from "node:path";
import { keepOutputs } from "./keep-outputs.mjs";
import { median } from "./onnx.mjs";

const compiled = (/** @type {string} */ file) => import(path.resolve(import.meta.dirname, "../dist", file));

/** Rounds at most, and seconds of them. */
const limits = { rounds: 40, seconds: 40 };

/** Medians in milliseconds: kept patches alone, all patches masked, and the same network without a mask. */
export default async (/** @type {{ kind: string, size: string, batch: number }} */ { kind, size, batch }) => {
  const { loadDawn } = await compiled("node/gpu/dawn.js");
  const { createModel, randomMask, requestDevice } = await compiled("runtime/index.js");
  const { generatorTensor } = await compiled("weights/made/generator.js");
  const { randomWeights } = await compiled("weights/made/random.js");
  const descriptors = await encoders(kind, size, batch);
  const device = await requestDevice(descriptors, (await loadDawn()).value);
  const image = generatorTensor(1, "input", batch * 3 * 224 * 224, 0, 1.7);
  const inputs = { pixel_values: image, mask: randomMask(1, { batch, patches: 49, keep: 19 }) };
  const models = [];
  for (const descriptor of descriptors) {
    const weights = randomWeights(1, descriptor.params);
    models.push(await createModel(descriptor, { device, weights: (/** @type {string} */ name) => weights.f32(name) }));
  }
  const times = models.map(() => /** @type {number[]} */ ([]));
  const begin = performance.now();
  for (let round = -2; round < limits.rounds; round++) {
    if (round > 4 && performance.now() - begin > limits.seconds * 1000) break;
    const order = [...models.keys()];
    for (const i of round % 2 === 0 ? order : order.reverse()) {
      const start = performance.now();
      await models[i]?.run(inputs);
      if (round >= 0) times[i]?.push(performance.now() - start);
    }
  }
  return times.map(median);
};

/** Descriptors of the three, each with the encoder's last map as its one output. */
const encoders = async (/** @type {string} */ kind, /** @type {string} */ size, /** @type {number} */ batch) => {
  const { plan } = await compiled("compile.js");
  const { wgslTarget } = await compiled("emit/wgsl/target.js");
  const { describe } = await compiled("emit/wgsl/descriptor.js");
  const { loadProgram } = await compiled("node/inputs/program.js");
  const { models } = loadProgram(path.resolve(import.meta.dirname, "../specs/fcmae.cnx"), null).value.program;
  const fcmae = models.get(`${size}_fcmae`);
  const dense = { ...models.get(size), head: { kind: "features", levels: [4], norm: false } };
  return [
    [fcmae, "compact"],
    [fcmae, "masked"],
    [dense, "auto"],
  ].map(([model, sites]) => {
    const target = wgslTarget(kind, false);
    const encoder = { ...target, rewriting: [keepOutputs(["encoded", "stage4"]), ...target.rewriting] };
    return describe(plan({ model, target: encoder, batch: { min: batch, max: batch }, sites }).value.plan);
  });
};
