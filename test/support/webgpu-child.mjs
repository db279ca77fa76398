// @ts-check
// Runs compiled models for the tests, in a process that was started for an adapter: see webgpu-process.ts. Each message
// is a job, each answer has its number; what goes wrong is answered too, and the next job finds everything in order.
import { loadDawn } from "../../dist/node/gpu/dawn.js";
import { createModel, createPreprocessor, requestDevice } from "../../dist/runtime/index.js";
import { generatorTensor } from "../../dist/weights/made/generator.js";

/** @typedef {import("./webgpu-process.ts").Job} Job */
/** @typedef {import("./webgpu-process.ts").JobWeights} JobWeights */
/** @typedef {import("./webgpu-process.ts").JobResult} JobResult */

const gpu = await loadDawn();
if (!gpu.ok) throw new Error(gpu.diagnostics[0]?.message);
const instance = gpu.value;

/** @returns {(name: string) => Float32Array} */
const source = (/** @type {JobWeights} */ weights) => {
  if (weights.kind === "tensors") return name => /** @type {Float32Array} */ (weights.tensors.get(name));
  const rows = new Map(weights.rows.map(row => [row[0], row]));
  return name => {
    const row = rows.get(name);
    if (row === undefined) throw new Error(`the golden file has no parameter '${name}'`);
    const [, shape, mean, halfwidth] = row;
    const size = shape.reduce((product, length) => product * length, 1);
    return generatorTensor(weights.seed, name, size, mean, halfwidth);
  };
};

/** @returns {Promise<JobResult>} */
const runOn = async (/** @type {GPUDevice} */ device, /** @type {Job} */ { descriptor, weights, runs }) => {
  const model = await createModel(descriptor, { device, weights: source(weights) });
  const outputs = [];
  let milliseconds = 0;
  for (const inputs of runs) {
    const start = performance.now();
    outputs.push(await model.run(inputs));
    milliseconds = performance.now() - start;
  }
  model.dispose();
  return { outputs, milliseconds };
};

/** The device makes one pipeline of one text. */
const sharing = (/** @type {GPUDevice} */ device) => {
  /** @type {Map<string, Promise<GPUComputePipeline>>} */
  const made = new Map();
  /** @type {WeakMap<GPUShaderModule, string>} */
  const codes = new WeakMap();
  const module = device.createShaderModule.bind(device);
  const pipeline = device.createComputePipelineAsync.bind(device);
  return Object.assign(device, {
    createShaderModule: (/** @type {GPUShaderModuleDescriptor} */ descriptor) => {
      const found = module(descriptor);
      codes.set(found, descriptor.code);
      return found;
    },
    createComputePipelineAsync: (/** @type {GPUComputePipelineDescriptor} */ descriptor) => {
      const code = codes.get(descriptor.compute.module) ?? "";
      const found = made.get(code) ?? pipeline(descriptor);
      made.set(code, found);
      return found;
    },
  });
};

const work = async (/** @type {Job} */ job) => {
  const device = await requestDevice(job.descriptor, instance);
  try {
    return await runOn(device, job);
  } finally {
    device.destroy();
  }
};

const workTogether = async (/** @type {import("./webgpu-process.ts").SharedJob} */ { models }) => {
  const descriptors = models.map(({ descriptor }) => descriptor);
  const device = sharing(await requestDevice(descriptors, instance));
  try {
    const results = [];
    for (const job of models) results.push(await runOn(device, job));
    return results;
  } finally {
    device.destroy();
  }
};

/** What the kernels make of images: the tensor is read back by a copy. */
const preprocess = async (/** @type {import("./webgpu-process.ts").PreprocessJob} */ { descriptor, images }) => {
  const adapter = await instance.requestAdapter();
  if (adapter === null) throw new Error("there is no adapter");
  const device = await adapter.requestDevice();
  try {
    const buffer = await (await createPreprocessor(device, descriptor))(images);
    const copy = device.createBuffer({ size: buffer.size, usage: 1 | 8 });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(1);
    return new Float32Array(copy.getMappedRange().slice(0));
  } finally {
    device.destroy();
  }
};

const answer = (/** @type {import("./webgpu-process.ts").AnyJob} */ job) => {
  if ("images" in job) return preprocess(job);
  return "models" in job ? workTogether(job) : work(job);
};

process.on("message", async (/** @type {{ id: number, job: import("./webgpu-process.ts").AnyJob }} */ { id, job }) => {
  try {
    process.send?.({ id, value: await answer(job) });
  } catch (cause) {
    process.send?.({ id, failure: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause) });
  }
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
