import { type Memory, usage } from "./gpu.ts";
import type { Groups } from "./parts.ts";

/** The bind group that tells a kernel at which workgroup the part of its dispatch begins. */
export type FirstGroups = (kernel: number, first: Groups) => GPUBindGroup;

/** Makes each when it is first asked for, and keeps it: parts begin at few places. */
export function firstGroups(pipelines: readonly GPUComputePipeline[], memory: Memory): FirstGroups {
  const { device } = memory;
  const buffers = new Map<string, GPUBuffer>();
  const groups = new Map<string, GPUBindGroup>();
  memory.onDiscard(() => groups.clear());

  const bufferOf = (first: Groups): GPUBuffer => {
    const known = buffers.get(`${first}`);
    if (known && memory.has(known)) return known;
    const buffer = memory.buffer(`first group ${first}`, 16, usage.uniform | usage.copyDst);
    device.queue.writeBuffer(buffer, 0, new Uint32Array(first));
    buffers.set(`${first}`, buffer);
    return buffer;
  };

  return (kernel, first) => {
    const key = `${kernel} ${first}`;
    const known = groups.get(key);
    if (known) return known;
    const group = device.createBindGroup({
      label: `first group ${first}`,
      layout: (pipelines[kernel] as GPUComputePipeline).getBindGroupLayout(1),
      entries: [{ binding: 0, resource: { buffer: bufferOf(first) } }],
    });
    groups.set(key, group);
    return group;
  };
}
