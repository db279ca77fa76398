import type { ModelDescriptor } from "./descriptor.ts";
import { bytesPerElement, type Memory, mapModeRead, scoped, usage } from "./gpu.ts";
import { batchOf, type Inputs, isBuffer, lengthOf } from "./inputs.ts";
import type { Recorder } from "./recorder.ts";

export type Outputs = Record<string, Float32Array<ArrayBuffer>>;

/** One forward pass from the caller's arrays into new ones, through buffers that are kept from run to run. */
export function forward(
  device: GPUDevice,
  descriptor: ModelDescriptor,
  recorder: Recorder,
  memory: Memory,
): (inputs: Inputs) => Promise<Outputs> {
  const kept = new Map<string, GPUBuffer>();

  const buffer = (key: string, bytes: number, flags: number): GPUBuffer => {
    const known = kept.get(key);
    if (known && known.size >= bytes) return known;
    if (known) memory.free(known);
    const made = memory.buffer(`${descriptor.name} ${key}`, bytes, flags);
    kept.set(key, made);
    return made;
  };

  const submit = (inputs: Inputs, batch: number) => {
    const io: Record<string, GPUBuffer> = {};
    for (const { name } of descriptor.inputs) {
      const given = inputs[name] as Float32Array<ArrayBuffer> | GPUBuffer;
      if (isBuffer(given)) {
        io[name] = given;
        continue;
      }
      io[name] = buffer(`input ${name}`, given.byteLength, usage.storage | usage.copyDst);
      device.queue.writeBuffer(io[name], 0, given);
    }
    const results = descriptor.outputs.map(port => {
      const { name } = port;
      const bytes = lengthOf(port, batch) * bytesPerElement;
      io[name] = buffer(`output ${name}`, bytes, usage.storage | usage.copySrc);
      return { name, bytes, from: io[name], to: buffer(`result ${name}`, bytes, usage.mapRead | usage.copyDst) };
    });
    const encoder = device.createCommandEncoder({ label: descriptor.name });
    recorder.record(encoder, batch, io, false);
    for (const { from, to, bytes } of results) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
    device.queue.submit([encoder.finish()]);
    // Asked for at once: later, the buffer might be gone.
    return results.map(({ name, to, bytes }) => {
      const mapped = to.mapAsync(mapModeRead, 0, bytes);
      mapped.catch(() => {});
      return { name, to, bytes, mapped };
    });
  };

  return async inputs => {
    const batch = batchOf(descriptor, inputs);
    let results: ReturnType<typeof submit> = [];
    try {
      await scoped(device, descriptor.name, () => {
        results = submit(inputs, batch);
      });
      const outputs: Outputs = {};
      for (const { name, to, bytes, mapped } of results) {
        await mapped;
        outputs[name] = new Float32Array(to.getMappedRange(0, bytes).slice(0));
      }
      return outputs;
    } finally {
      for (const { to } of results) to.unmap();
    }
  };
}
