import type { BufferDescriptor, ModelDescriptor } from "./descriptor.ts";
import { check } from "./errors.ts";
import { type Memory, usage } from "./gpu.ts";
import type { ModelOptions } from "./model.ts";

/** Checkpoint tensors under their official names: all at once, or one at a time when it is needed. */
export type WeightsSource =
  | Readonly<Record<string, Float32Array>>
  | ((name: string) => Float32Array | Promise<Float32Array>);

/** Bytes handed to the GPU before waiting for it: bounds what a large model holds twice. */
const chunkBytes = 256 * 2 ** 20;

/**
 * Uploads each parameter when the setup first needs it, runs the setup, and frees what only the setup read, so that
 * a model never holds much more than its packed weights. Returns the buffers that the steps read, by index.
 */
export async function loadWeights(
  descriptor: ModelDescriptor,
  { device, weights, onProgress }: ModelOptions,
  pipelines: readonly GPUComputePipeline[],
  memory: Memory,
  alive: () => void,
): Promise<ReadonlyMap<number, GPUBuffer>> {
  const shapes = new Map(descriptor.params.map(param => [param.name, param.shape]));
  const total = [...shapes.values()].reduce((sum, shape) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  const buffers = new Map<number, GPUBuffer>();
  let loaded = 0;
  let pending = 0;

  const drain = async (): Promise<void> => {
    pending = 0;
    await device.queue.onSubmittedWorkDone();
    alive();
  };

  const upload = async (name: string, room: number): Promise<GPUBuffer> => {
    const bytes = 4 * (shapes.get(name) as readonly number[]).reduce((a, b) => a * b, 1);
    const values = typeof weights === "function" ? await weights(name) : weights[name];
    alive();
    check(values, "weights", `no weights for '${name}' [${shapes.get(name)}]`);
    check(
      values instanceof Float32Array && values.byteLength === bytes,
      "weights",
      `'${name}' [${shapes.get(name)}] takes a Float32Array of ${bytes / 4} values, not ${values.length}`,
    );
    // What a kernel's vectors read past the end is zero, as all of a new buffer.
    const buffer = memory.buffer(name, Math.max(bytes, room), usage.storage | usage.copyDst);
    device.queue.writeBuffer(buffer, 0, values.buffer as ArrayBuffer, values.byteOffset, bytes);
    pending += bytes;
    loaded += bytes;
    onProgress?.({ loaded, total });
    return buffer;
  };

  const buffer = async (index: number): Promise<GPUBuffer> => {
    const known = buffers.get(index);
    if (known) return known;
    const { at, name, elements } = descriptor.buffers[index] as BufferDescriptor;
    const made = at === "param" ? await upload(name, elements * 4) : memory.buffer(name, elements * 4, usage.storage);
    buffers.set(index, made);
    return made;
  };

  const lasting = new Set(descriptor.steps.flatMap(step => step.bindings));
  const lastUse = new Map<number, number>();
  descriptor.setup.forEach((step, i) => {
    for (const index of step.bindings) lastUse.set(index, i);
  });

  for (const [i, step] of descriptor.setup.entries()) {
    const entries: GPUBindGroupEntry[] = [];
    for (const [binding, index] of step.bindings.entries()) {
      entries.push({ binding, resource: { buffer: await buffer(index) } });
    }
    const pipeline = pipelines[step.kernel] as GPUComputePipeline;
    const encoder = device.createCommandEncoder({ label: step.label });
    const pass = encoder.beginComputePass({ label: step.label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({ label: step.label, layout: pipeline.getBindGroupLayout(0), entries }),
    );
    pass.dispatchWorkgroups(step.grid[0], step.grid[1], 1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    // A destroyed buffer stays valid for work that was submitted before.
    for (const index of step.bindings) {
      if (lasting.has(index) || lastUse.get(index) !== i) continue;
      memory.free(buffers.get(index) as GPUBuffer);
      buffers.delete(index);
    }
    if (pending > chunkBytes) await drain();
  }
  for (const index of lasting) {
    if (descriptor.buffers[index]?.at === "param") await buffer(index);
  }
  await drain();
  return buffers;
}
