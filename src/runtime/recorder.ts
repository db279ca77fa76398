import type { BufferDescriptor, ModelDescriptor, Step } from "./descriptor.ts";
import { firstGroups } from "./first-groups.ts";
import { type Memory, usage, widthOf } from "./gpu.ts";
import type { Buffers } from "./inputs.ts";
import type { Part } from "./parts.ts";

/** Records forward passes, or parts of them, from and into the given buffers. */
export interface Recorder {
  /** Makes the memory that `record` takes for so many images and those parts, where it is not there yet. */
  readonly reserve: (batch: number, parts: readonly Part[]) => void;
  readonly record: (encoder: GPUCommandEncoder, batch: number, io: Buffers, parts: readonly Part[]) => void;
}

export interface Compiled {
  readonly pipelines: readonly GPUComputePipeline[];
  /** Buffers filled once, or parts of some, by index into `descriptor.buffers`. */
  readonly weights: ReadonlyMap<number, GPUBufferBinding>;
}

/** Scratch memory for so many images, and for fewer, and bind groups that refer to it. */
interface Scratch {
  readonly batch: number;
  readonly arenas: readonly GPUBuffer[];
  bound: readonly Bound[];
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
  descriptor: ModelDescriptor,
  { pipelines, weights }: Compiled,
  memory: Memory,
  keep: boolean,
): Recorder {
  const ports = [...descriptor.inputs, ...descriptor.outputs];
  const firstGroup = firstGroups(pipelines, memory);
  /** The largest is the last one. */
  let scratches: readonly Scratch[] = [];
  memory.onDiscard(() => {
    for (const scratch of scratches) scratch.bound = [];
  });

  const scratchFor = (batch: number): Scratch => {
    scratches = scratches.filter(({ arenas }) => arenas.every(memory.has));
    const known = scratches.at(-1);
    if (known && batch <= known.batch) return known;
    // Arenas that a caller's commands refer to are freed with the model.
    if (!keep) known?.arenas.forEach(memory.free);
    const sizes = [...descriptor.arenas.map(bytes => bytes * batch), ...(descriptor.fixedArenas ?? [])];
    const arenas = sizes.map((bytes, i) => memory.buffer(`${descriptor.name} scratch ${i}`, bytes, usage.storage));
    const scratch = { batch, arenas, bound: [] };
    scratches = [...scratches, scratch];
    return scratch;
  };

  const resource = (index: number, batch: number, { arenas }: Scratch, io: Buffers): GPUBufferBinding => {
    const at = descriptor.buffers[index] as BufferDescriptor;
    const size = at.elements * widthOf(at) * (at.perImage ? batch : 1);
    if (at.at === "scratch") {
      const offset = at.offset * (at.arena < descriptor.arenas.length ? batch : 1);
      return { buffer: arenas[at.arena] as GPUBuffer, offset, size };
    }
    if (at.at === "io") return { buffer: io[at.name] as GPUBuffer, size };
    return { ...(weights.get(index) as GPUBufferBinding), size };
  };

  const bind = (batch: number, io: Buffers): readonly GPUBindGroup[] => {
    const scratch = scratchFor(batch);
    const key = ports.map(port => io[port.name] as GPUBuffer);
    const known = scratch.bound.find(set => set.batch === batch && set.io.every((buffer, i) => buffer === key[i]));
    if (known) return known.groups;
    const groups = descriptor.steps.map(({ label, kernel, bindings }) =>
      memory.device.createBindGroup({
        label,
        layout: (pipelines[kernel] as GPUComputePipeline).getBindGroupLayout(0),
        entries: bindings.map((index, binding) => ({ binding, resource: resource(index, batch, scratch, io) })),
      }),
    );
    scratch.bound = [{ batch, io: key, groups }, ...scratch.bound].slice(0, keptSets);
    return groups;
  };

  /** Null where the kernel is never cut and has all sizes in its text. */
  const firstOf = ({ step, first }: Part): GPUBindGroup | null => {
    const { kernel, work, sizes } = descriptor.steps[step] as Step;
    if (work === undefined && sizes === undefined) return null;
    return firstGroup(kernel, work === undefined ? null : first, sizes);
  };

  return {
    reserve: (batch, parts) => {
      scratchFor(batch);
      parts.forEach(firstOf);
    },
    record: (encoder, batch, io, parts) => {
      const groups = bind(batch, io);
      const pass = encoder.beginComputePass({ label: descriptor.name });
      for (const part of parts) {
        pass.setPipeline(pipelines[(descriptor.steps[part.step] as Step).kernel] as GPUComputePipeline);
        pass.setBindGroup(0, groups[part.step] as GPUBindGroup);
        const first = firstOf(part);
        if (first) pass.setBindGroup(1, first);
        pass.dispatchWorkgroups(...part.size);
      }
      pass.end();
    },
  };
}
