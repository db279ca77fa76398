// @ts-check
// Runs descriptors that differ in a kernel or two on one device; kernels of the same text are compiled once.
import { loadDawn } from "../../dist/node/gpu/dawn.js";
import { createModel, requestDevice } from "../../dist/runtime/index.js";

/**
 * @typedef {import("../../src/runtime/descriptor.ts").ModelDescriptor} ModelDescriptor
 * @typedef {{ readonly descriptor: ModelDescriptor, readonly file: string }} Job
 * @typedef {{ readonly weights: Readonly<Record<string, Float32Array>>, readonly input: Float32Array<ArrayBuffer> }} Data
 */

export default async (/** @type {{ jobs: readonly Job[], data: Readonly<Record<string, Data>> }} */ { jobs, data }) => {
  const gpu = await loadDawn();
  if (!gpu.ok) throw new Error(gpu.diagnostics[0]?.message);
  const device = await requestDevice(
    jobs.map(job => job.descriptor),
    gpu.value,
  );
  const codes = new WeakMap();
  const pipelines = new Map();
  const makeModule = device.createShaderModule.bind(device);
  const makePipeline = device.createComputePipelineAsync.bind(device);
  device.createShaderModule = wanted => {
    const made = makeModule(wanted);
    codes.set(made, wanted.code);
    return made;
  };
  device.createComputePipelineAsync = wanted => {
    const code = codes.get(wanted.compute.module);
    const known = pipelines.get(code) ?? makePipeline(wanted);
    pipelines.set(code, known);
    return known;
  };

  const answers = [];
  for (const { descriptor, file } of jobs) {
    const { weights, input } = data[file] ?? { weights: {}, input: new Float32Array() };
    try {
      const model = await createModel(descriptor, { device, weights });
      const { logits } = await model.run({ pixel_values: input });
      model.dispose();
      answers.push({ logits });
    } catch (cause) {
      answers.push({ refused: cause instanceof Error ? cause.message : String(cause) });
    }
  }
  return { answers, compiled: pipelines.size };
};
