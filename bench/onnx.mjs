// @ts-check
// Our atto graph against the one that PyTorch exports of the official model, both in ONNX Runtime on one thread of the
// CPU, in one process and in turns. Both run the same golden weights and image, and both must give the golden logits.
//   npm run bench -- onnx
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";

/** @typedef {{ case: string, adapter: string, ours_ms: number, peer: string, peer_ms: number, ratio: number }} Row */

const root = path.resolve(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const read = (/** @type {string} */ file) => JSON.parse(fs.readFileSync(path.join(root, file), "utf8"));
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const adapter = "onnxruntime-node CPU, 1 thread";
const warmUp = 10;

/** @returns {Promise<Row[]>} */
export const rows = async (rounds = 60) => {
  const golden = read("test/golden/dense/atto-224x224-b1.json");
  const { generatorTensor, generatorWeights } = await compiled("weights/made/generator.js");
  const weights = generatorWeights(golden.name, golden.seed, golden.params);
  const data = generatorTensor(golden.seed, golden.input.name, 3 * 224 * 224, 0, golden.input.halfwidth);
  const image = { shape: golden.input.shape, data };

  const torch = await openModel(await torchModel(weights), "image", image, golden.logits.values);
  const found = [];
  for (const opset of [20, 17]) {
    const ours = await openModel(await ourModel(weights, opset), "pixel_values", image, golden.logits.values);
    const [ours_ms, peer_ms] = await alternate([ours, torch], rounds);
    const name = `atto 224x224, batch 1 of any, opset ${opset}`;
    found.push({ case: name, adapter, ours_ms, peer: "onnxruntime-cpu", peer_ms, ratio: peer_ms / ours_ms });
    await ours.close();
  }
  await torch.close();
  return [...found, await anySize(weights, image, golden.logits.values, rounds)];
};

/** The graph of any size at 224x224, against the one that is for that alone. */
export const anySize = async (
  /** @type {{ f32(name: string): Promise<Float32Array> }} */ weights,
  /** @type {{ shape: number[], data: Float32Array }} */ image,
  /** @type {readonly number[]} */ logits,
  /** @type {number} */ rounds,
) => {
  const open = async (/** @type {boolean} */ any) =>
    openModel(await ourModel(weights, 20, any), "pixel_values", image, logits);
  const [ours, fixed] = [await open(true), await open(false)];
  const [ours_ms, peer_ms] = await alternate([ours, fixed], rounds);
  await ours.close();
  await fixed.close();
  const name = "atto of any size, at 224x224, batch 1";
  return { case: name, adapter, ours_ms, peer: "our graph of 224x224 alone", peer_ms, ratio: peer_ms / ours_ms };
};

/** Medians of runs taken in turns, each round in the other order than the one before. */
const alternate = async (/** @type {readonly Loaded[]} */ models, /** @type {number} */ rounds) => {
  const times = models.map(() => /** @type {number[]} */ ([]));
  for (let round = -warmUp; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const i of order) {
      const milliseconds = await models[i]?.run();
      if (round >= 0 && milliseconds !== undefined) times[i]?.push(milliseconds);
    }
  }
  return /** @type {[number, number]} */ (times.map(median));
};

export const median = (/** @type {readonly number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** @typedef {{ run: () => Promise<number>, close: () => Promise<void> }} Loaded */

/** @returns {Promise<Loaded>} */
const openModel = async (
  /** @type {Uint8Array} */ model,
  /** @type {string} */ input,
  /** @type {{ shape: number[], data: Float32Array }} */ image,
  /** @type {readonly number[]} */ logits,
) => {
  const { openOnnx } = await compiled("node/executors/onnx.js");
  const session = await openOnnx({ model }, { threads: 1 });
  if (!session.ok) throw new Error(session.diagnostics[0].message);
  const run = async () => {
    const result = await session.value.run(new Map([[input, image]]));
    if (!result.ok) throw new Error(result.diagnostics[0].message);
    return result.value;
  };
  const [found] = (await run()).outputs.values();
  if (found === undefined || relL2(found.data, logits) > 1e-5) throw new Error("the logits are not the golden ones");
  return { run: async () => (await run()).milliseconds, close: session.value.close };
};

export const relL2 = (/** @type {ArrayLike<number>} */ found, /** @type {readonly number[]} */ wanted) => {
  const off = wanted.reduce((sum, value, i) => sum + (Number(found[i]) - value) ** 2, 0);
  return Math.sqrt(off / wanted.reduce((sum, value) => sum + value ** 2, 0));
};

const ourModel = async (
  /** @type {{ f32(name: string): Promise<Float32Array> }} */ weights,
  /** @type {number} */ opset,
  anySize = false,
) => {
  const { loadProgram } = await compiled("node/inputs/program.js");
  const { build } = await compiled("graph/build.js");
  const { runPasses } = await compiled("passes/pass.js");
  const { onnx } = await compiled("emit/onnx/onnx.js");
  const loaded = loadProgram(path.join(root, "specs/convnextv2.cnx"), root);
  if (!loaded.ok) throw new Error(loaded.diagnostics[0].message);
  const model = loaded.value.program.models.get("atto");
  const graph = runPasses(build(model).value, onnx.rewriting);
  const context = {
    model,
    weights,
    specHash: "",
    specName: "",
    version: "",
    onnx: { opset, layout: "plain", anySize },
  };
  const parts = [];
  for await (const part of onnx.emit(graph, context)[0].contents) parts.push(part);
  return Buffer.concat(parts);
};

/** The export as it came, but for its weights, which the golden tensors replace. */
export const torchModel = async (/** @type {{ f32(name: string): Promise<Float32Array> }} */ weights) => {
  const { onnx } = require("onnx-proto");
  const bytes = fs.readFileSync(path.join(root, "bench/peers/atto-224-torch.graph.onnx"));
  /** @type {{ graph: { initializer: { name: string, dims: unknown[], rawData: Uint8Array }[] } }} */
  const model = /** @type {never} */ (onnx.ModelProto.decode(bytes));
  const { initializers } = read("bench/peers/atto-224-torch.weights.json");
  for (const tensor of model.graph.initializer) {
    const from = initializers[tensor.name];
    if (from === undefined) continue;
    const values = await weights.f32(from.param);
    const [inputs = 0, outputs = 0] = tensor.dims.map(Number);
    const filled = from.transposed ? transposed(values, outputs, inputs) : values;
    tensor.rawData = new Uint8Array(filled.buffer, filled.byteOffset, filled.byteLength);
  }
  return onnx.ModelProto.encode(/** @type {never} */ (model)).finish();
};

const transposed = (/** @type {Float32Array} */ values, /** @type {number} */ rows, /** @type {number} */ columns) =>
  values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
