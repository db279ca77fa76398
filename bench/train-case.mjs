// @ts-check
// What the processes of bench/train.mjs train: a masked autoencoder of the specs, batch 8, from weights such that every
// parameter matters, with images and masks that are drawn.
import * as path from "node:path";

export const compiled = (/** @type {string} */ file) => import(path.resolve(import.meta.dirname, "../dist", file));

export const batch = 8;
export const learningRate = 1e-4;
const specs = /** @type {const} */ ({ micro: "micro.cnx", atto: "fcmae.cnx" });

/** @typedef {keyof typeof specs} Size */

export const trainingCase = async (/** @type {Size} */ size) => {
  const { loadProgram } = await compiled("node/inputs/program.js");
  const { paramsOf } = await compiled("node/inputs/open-weights.js");
  const { inputPorts } = await compiled("model/inputs.js");
  const { randomMask } = await compiled("runtime/index.js");
  const { generatorTensor } = await compiled("weights/made/generator.js");
  const { randomWeights } = await compiled("weights/made/random.js");
  const spec = path.resolve(import.meta.dirname, "../specs", specs[size]);
  const model = loadProgram(spec, null).value.program.models.get(`${size}_fcmae`);
  const { height, width, channels } = model.input;
  const mask = inputPorts(model).find((/** @type {{ keep: number | null }} */ { keep }) => keep !== null);
  const [patches] = mask.shape;
  const params = paramsOf(model).value;
  const weights = randomWeights(1, params, undefined, 0.02);
  return {
    model,
    params,
    weights,
    image: {
      shape: [batch, channels, height, width],
      data: generatorTensor(1, "input", batch * channels * height * width, 0, 1.7),
    },
    mask: { shape: [batch, patches], data: randomMask(1, { batch, patches, keep: mask.keep }) },
  };
};

/** The first loss and the median of the milliseconds of steps, after two to warm up: 15, or as many as 10 seconds hold, 3 at least. */
export const timed = async (/** @type {() => Promise<number>} */ step) => {
  const { median } = await import("./onnx.mjs");
  const loss = await step();
  await step();
  const times = [];
  for (
    const begin = performance.now();
    times.length < 3 || (times.length < 15 && performance.now() - begin < 10_000);
  ) {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  }
  return { loss, ms: median(times) };
};
