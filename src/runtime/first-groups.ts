import { type Memory, usage } from "./gpu.ts";
import type { Groups } from "./parts.ts";

/**
 * The bind group that tells a kernel at which workgroup the part of its dispatch begins, unless that is never cut, and its sizes
 * where it takes them.
 */
export type FirstGroups = (kernel: number, first: Groups | null, sizes?: readonly number[]) => GPUBindGroup;

/** Makes each when it is first asked for, and keeps it: parts begin at few places. */
export function firstGroups(pipelines: readonly GPUComputePipeline[], memory: Memory): FirstGroups {
  const { device } = memory;
  const buffers = new Map<string, GPUBuffer>();
  const groups = new Map<string, GPUBindGroup>();
  memory.onDiscard(() => groups.clear());

  const bufferOf = (label: string, values: readonly number[]): GPUBuffer => {
    const key = `${label} ${values}`;
    const known = buffers.get(key);
    if (known && memory.has(known)) return known;
    const buffer = uniform(memory, key, values);
    buffers.set(key, buffer);
    return buffer;
  };

  return (kernel, first, sizes) => {
    const key = `${kernel} ${first} ${sizes ?? ""}`;
    const known = groups.get(key);
    if (known) return known;
    const begin = first === null ? [] : [{ binding: 0, resource: { buffer: bufferOf("first group", first) } }];
    const group = device.createBindGroup({
      label: key,
      layout: (pipelines[kernel] as GPUComputePipeline).getBindGroupLayout(1),
      entries: sizes === undefined ? begin : [...begin, sizesEntry(bufferOf("sizes", sizes))],
    });
    groups.set(key, group);
    return group;
  };
}

/** A buffer of so many `u32`. */
export function uniform(memory: Memory, label: string, values: readonly number[]): GPUBuffer {
  const buffer = memory.buffer(label, Math.max(16, 4 * values.length), usage.uniform | usage.copyDst);
  memory.device.queue.writeBuffer(buffer, 0, new Uint32Array(values));
  return buffer;
}

/** Where a kernel of several sizes reads them, in group 1. */
export const sizesEntry = (buffer: GPUBuffer): GPUBindGroupEntry => ({ binding: 1, resource: { buffer } });
