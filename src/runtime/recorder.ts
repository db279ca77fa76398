import type { BufferDescriptor, ModelDescriptor, Step } from "./descriptor.ts";
import type { FirstGroups } from "./first-groups.ts";
import { type Memory, usage, widthOf } from "./gpu.ts";
import type { Buffers } from "./inputs.ts";
import type { Part } from "./parts.ts";

/** Records forward passes, or parts of them, from and into the given buffers. */
export interface Recorder {
  readonly record: (encoder: GPUCommandEncoder, batch: number, io: Buffers, parts: readonly Part[]) => void;
}

export interface Compiled {
  readonly pipelines: readonly GPUComputePipeline[];
  /** Buffers filled once, by index into `descriptor.buffers`. */
  readonly weights: ReadonlyMap<number, GPUBuffer>;
  readonly firstGroups: FirstGroups;
}

/** Bind groups of every step for one batch and one set of buffers. */
interface Bound {
  readonly batch: number;
  readonly io: readonly GPUBuffer[];
  readonly groups: readonly GPUBindGroup[];
}

/** Sets of bind groups that are kept: enough for callers who alternate between two or three sets of buffers. */
const keptSets = 4;

/** `keep`: somebody else submits what is recorded, at some time, so the scratch memory it uses has to stay. */
export function recorder(
  device: GPUDevice,
  descriptor: ModelDescriptor,
  { pipelines, weights, firstGroups }: Compiled,
  memory: Memory,
  keep: boolean,
): Recorder {
  const ports = [...descriptor.inputs, ...descriptor.outputs];
  let arenas: readonly GPUBuffer[] = [];
  let capacity = 0;
  let bound: readonly Bound[] = [];

  const reserve = (batch: number): void => {
    if (batch <= capacity) return;
    // Arenas that a caller's commands refer to are freed with the model.
    if (!keep) for (const arena of arenas) memory.free(arena);
    arenas = descriptor.arenas.map((bytes, i) =>
      memory.buffer(`${descriptor.name} scratch ${i}`, bytes * batch, usage.storage),
    );
    capacity = batch;
    bound = [];
  };

  const resource = (index: number, batch: number, io: Buffers): GPUBufferBinding => {
    const at = descriptor.buffers[index] as BufferDescriptor;
    const size = at.elements * widthOf(at) * (at.perImage ? batch : 1);
    if (at.at === "scratch") return { buffer: arenas[at.arena] as GPUBuffer, offset: at.offset * batch, size };
    if (at.at === "io") return { buffer: io[at.name] as GPUBuffer, size };
    return { buffer: weights.get(index) as GPUBuffer, size };
  };

  const bind = (batch: number, io: Buffers): readonly GPUBindGroup[] => {
    const key = ports.map(port => io[port.name] as GPUBuffer);
    const known = bound.find(set => set.batch === batch && set.io.every((buffer, i) => buffer === key[i]));
    if (known) return known.groups;
    const groups = descriptor.steps.map(({ label, kernel, bindings }) =>
      device.createBindGroup({
        label,
        layout: (pipelines[kernel] as GPUComputePipeline).getBindGroupLayout(0),
        entries: bindings.map((index, binding) => ({ binding, resource: resource(index, batch, io) })),
      }),
    );
    bound = [{ batch, io: key, groups }, ...bound].slice(0, keptSets);
    return groups;
  };

  return {
    record: (encoder, batch, io, parts) => {
      reserve(batch);
      const groups = bind(batch, io);
      const pass = encoder.beginComputePass({ label: descriptor.name });
      for (const { step, first, size } of parts) {
        const { kernel, work } = descriptor.steps[step] as Step;
        pass.setPipeline(pipelines[kernel] as GPUComputePipeline);
        pass.setBindGroup(0, groups[step] as GPUBindGroup);
        if (work !== undefined) pass.setBindGroup(1, firstGroups(kernel, first));
        pass.dispatchWorkgroups(...size);
      }
      pass.end();
    },
  };
}
