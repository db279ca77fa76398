// @ts-check
// Runs in a process of its own, started by adapters.test.ts: doubles numbers on the GPU.
import { loadDawn } from "../../dist/node/gpu/dawn.js";

const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] = 2 * x[id.x]; }`;

/** @param {Float32Array} numbers */
export default async numbers => {
  const gpu = await loadDawn();
  const adapter = gpu.ok ? await gpu.value.requestAdapter() : null;
  if (adapter === null) throw new Error("no adapter");
  const device = await adapter.requestDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ size: numbers.byteLength, usage });
  const staging = device.createBuffer({
    size: numbers.byteLength,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  device.queue.writeBuffer(buffer, 0, numbers.slice());
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const bindings = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindings);
  pass.dispatchWorkgroups(numbers.length);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, numbers.byteLength);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const sum = new Float32Array(staging.getMappedRange().slice(0));
  device.destroy();
  return { sum, name: adapter.info.description };
};
