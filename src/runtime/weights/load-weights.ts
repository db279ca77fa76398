import type { BufferDescriptor, Dispatch, ModelDescriptor, Param } from "../descriptor.ts";
import { check, named } from "../errors.ts";
import { sizesEntry, uniform } from "../first-groups.ts";
import { bytesPerElement, elements, type Memory, usage, widthOf } from "../gpu.ts";

/** Checkpoint tensors under their official names: all at once, or one at a time when it is needed. */
export type WeightsSource = Readonly<Record<string, Float32Array>> | WeightsFunction;

export interface WeightsFunction {
  (name: string): Float32Array | Promise<Float32Array>;
  /** How many values each has, where that is known before any is asked for: what is missing or short is told then. */
  readonly lengths?: ReadonlyMap<string, number>;
}

export interface Loading {
  readonly weights: WeightsSource;
  /** So many bytes more are on the GPU. */
  readonly uploaded: (bytes: number) => void;
  readonly pipelines: readonly GPUComputePipeline[];
  readonly memory: Memory;
  /** Throws where the work should go no further. */
  readonly wanted: () => void;
}

/** A parameter's values from the caller. Throws WeightsError where these are not what it takes. */
export async function tensorOf(
  weights: WeightsSource,
  name: string,
  shape: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  const values: unknown = typeof weights === "function" ? await weights(name) : weights[name];
  return checked(values, name, shape);
}

function checked(values: unknown, name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  check(values !== undefined && values !== null, "weights", `no weights for '${name}' [${shape}]`);
  const found = values instanceof Float32Array ? `${values.length} values` : `a ${typeof values}`;
  check(
    values instanceof Float32Array && values.length === elements(shape),
    "weights",
    `'${name}' [${shape}] takes a Float32Array of ${elements(shape)} values, not ${found}`,
  );
  return values as Float32Array<ArrayBuffer>;
}

/** Throws WeightsError where weights are none, or it can be seen beforehand that one of them is missing or not as long as it is. */
export function checkWeights(weights: WeightsSource, params: readonly Param[]): void {
  const known = typeof weights === "function" || (typeof weights === "object" && weights !== null);
  const what = weights === null ? "null" : `a ${typeof weights}`;
  check(known, "weights", `weights are tensors by name, or a function of their names, not ${what}`);
  if (typeof weights !== "function") for (const { name, shape } of params) checked(weights[name], name, shape);
  if (typeof weights === "function" && weights.lengths !== undefined) checkLengths(weights.lengths, params);
}

/** The same of what is known of a file before its tensors are there. */
export function checkLengths(lengths: ReadonlyMap<string, number>, params: readonly Param[]): void {
  for (const { name, shape } of params) {
    const length = lengths.get(name);
    check(length !== undefined, "weights", `no weights for '${name}' [${shape}]`);
    check(length === elements(shape), "weights", `'${name}' [${shape}] has ${elements(shape)} values, not ${length}`);
  }
}

/** Bytes of all parameters in f32, as they come to the GPU. */
export const weightBytes = (params: readonly Param[]): number =>
  params.reduce((sum, { shape }) => sum + elements(shape) * bytesPerElement, 0);

/** Bytes handed to the GPU before waiting for it: bounds what a large model holds twice. */
const chunkBytes = 256 * 2 ** 20;

/**
 * Uploads each parameter when the setup first needs it, runs the setup, and frees what only the setup read, so that
 * a model never holds much more than its packed weights. Returns the buffers that the steps read, by index.
 */
export async function loadWeights(
  descriptor: ModelDescriptor,
  { weights, uploaded, pipelines, memory, wanted }: Loading,
): Promise<ReadonlyMap<number, GPUBuffer>> {
  const { device } = memory;
  const shapes = new Map(descriptor.params.map(param => [param.name, param.shape]));
  const buffers = new Map<number, GPUBuffer>();
  let reports: Promise<void>[] = [];
  let pending = 0;

  /** Errors of this work are thrown by the next `drain`, the first one first. */
  const report = (what: string, work: () => void): void => {
    reports.push(memory.scoped(`${descriptor.name}, ${what}`, work).report);
  };

  const drain = async (): Promise<void> => {
    pending = 0;
    const due = reports;
    reports = [];
    for (const done of due) await done;
    await device.queue.onSubmittedWorkDone().catch(cause => {
      throw named(cause, descriptor.name);
    });
    wanted();
  };

  /** Makes the buffers that are not there yet, filled where they are parameters, and then does something with them. */
  const withBuffers = async (what: string, indices: readonly number[], work: () => void): Promise<void> => {
    const missing = [...new Set(indices)].filter(index => !buffers.has(index));
    const values = new Map<number, Float32Array<ArrayBuffer>>();
    for (const index of missing) {
      const { at, name } = descriptor.buffers[index] as BufferDescriptor;
      if (at !== "param") continue;
      values.set(index, await tensorOf(weights, name, shapes.get(name) ?? []));
      wanted();
    }
    report(what, () => {
      for (const index of missing) {
        const at = descriptor.buffers[index] as BufferDescriptor;
        const data = values.get(index);
        // What a kernel's vectors read past the end of a parameter is zero, as all of a new buffer.
        const buffer = memory.buffer(at.name, at.elements * widthOf(at), usage.storage | usage.copyDst);
        if (data) device.queue.writeBuffer(buffer, 0, data);
        buffers.set(index, buffer);
      }
      work();
    });
    for (const { byteLength } of values.values()) {
      pending += byteLength;
      uploaded(byteLength);
    }
    if (pending > chunkBytes) await drain();
  };

  const dispatch = ({ label, kernel, bindings, sizes, grid }: Dispatch): void => {
    const pipeline = pipelines[kernel] as GPUComputePipeline;
    const entries = bindings.map((index, binding) => ({
      binding,
      resource: { buffer: buffers.get(index) as GPUBuffer },
    }));
    const encoder = device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries }));
    const given = sizes && uniform(memory, `${label} sizes`, sizes);
    if (given) {
      const layout = pipeline.getBindGroupLayout(1);
      pass.setBindGroup(1, device.createBindGroup({ label, layout, entries: [sizesEntry(given)] }));
    }
    pass.dispatchWorkgroups(grid[0], grid[1], 1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    if (given) memory.free(given);
  };

  const lasting = new Set(descriptor.steps.flatMap(step => step.bindings));
  const lastUse = new Map<number, number>();
  descriptor.setup.forEach((step, i) => {
    for (const index of step.bindings) lastUse.set(index, i);
  });

  for (const [i, step] of descriptor.setup.entries()) {
    await withBuffers(step.label, step.bindings, () => dispatch(step));
    // A destroyed buffer stays valid for work that was submitted before.
    for (const index of step.bindings) {
      if (lasting.has(index) || lastUse.get(index) !== i) continue;
      memory.free(buffers.get(index) as GPUBuffer);
      buffers.delete(index);
    }
  }
  const read = [...lasting].filter(index => descriptor.buffers[index]?.at === "param");
  for (const index of read) await withBuffers(descriptor.buffers[index]?.name ?? "", [index], () => {});
  await drain();
  return buffers;
}
