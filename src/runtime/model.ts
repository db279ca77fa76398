import type { BufferDescriptor, Dispatch, ModelDescriptor } from "./descriptor.ts";
import { checkLimits } from "./device.ts";
import { check, ModelError } from "./errors.ts";
import { compileKernels, memory, readBack, scoped, usage } from "./gpu.ts";
import { loadWeights, type WeightsSource } from "./weights.ts";

export type { WeightsSource } from "./weights.ts";

/** The part of an AbortSignal that is looked at; spelt out, since not every consumer's types have that name. */
export interface Aborting {
  readonly aborted: boolean;
}

export interface ModelOptions {
  /** Yours: the model never destroys it. `requestDevice` makes one that fits. */
  readonly device: GPUDevice;
  readonly weights: WeightsSource;
  /** Bytes of weights on the GPU so far, and in all. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
  readonly signal?: Aborting | undefined;
}

export interface RunOptions {
  readonly signal?: Aborting | undefined;
}

export interface Model {
  readonly descriptor: ModelDescriptor;
  /**
   * One forward pass: inputs by name, f32, row-major, the batch told by their length; GPU buffers are read in place.
   * Throws InputError, AbortError, DeviceLostError, OutOfMemoryError or DisposedError.
   */
  readonly run: (
    inputs: Readonly<Record<string, Float32Array | GPUBuffer>>,
    options?: RunOptions,
  ) => Promise<Record<string, Float32Array<ArrayBuffer>>>;
  /**
   * Records one forward pass into the caller's encoder, from and into the caller's buffers (usage STORAGE), without
   * submitting or reading anything. `buffers` holds every input and output by name.
   */
  readonly encode: (encoder: GPUCommandEncoder, buffers: Readonly<Record<string, GPUBuffer>>, batch?: number) => void;
  /** Runs once on zeros, so that the first real run is as fast as the others. */
  readonly warmup: (batch?: number) => Promise<void>;
  /** Frees what the model made; not the device, not the caller's buffers. Twice is once. */
  readonly dispose: () => void;
}

const bytesPerElement = 4;

/**
 * Compiles the kernels, loads the weights and runs the setup. Throws LimitError, ShaderError, WeightsError,
 * OutOfMemoryError, AbortError or DeviceLostError, and then has freed everything.
 */
export async function createModel(descriptor: ModelDescriptor, options: ModelOptions): Promise<Model> {
  const { device, signal } = options;
  const owned = memory(device);
  const state = { lost: null as string | null, disposed: false };
  device.lost.then(info => {
    state.lost = info.message || info.reason || "unknown reason";
  });
  const alive = (): void => {
    check(!state.disposed, "disposed", `${descriptor.name} was disposed of`);
    check(state.lost === null, "lost", `the GPU device was lost: ${state.lost}`);
    check(!signal?.aborted, "aborted", `the creation of ${descriptor.name} was aborted`);
  };
  /** A lost device makes other calls fail in many ways, or not at all: it is the loss that is reported. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work();
      alive();
      return result;
    } catch (cause) {
      await Promise.resolve();
      if (state.lost !== null) throw new ModelError("lost", `the GPU device was lost: ${state.lost}`);
      throw cause;
    }
  };

  try {
    checkLimits(descriptor, device.limits, "device");
    alive();
    const ready = await guarded(() =>
      scoped(device, descriptor.name, async () => {
        const pipelines = await compileKernels(device, descriptor);
        alive();
        const weights = await loadWeights(descriptor, options, pipelines, owned, alive);
        return { pipelines, weights };
      }),
    );
    return assemble(descriptor, device, ready, owned, state, guarded);
  } catch (cause) {
    owned.freeAll();
    throw cause;
  }
}

interface Ready {
  readonly pipelines: readonly GPUComputePipeline[];
  /** Buffers filled once, by index into `descriptor.buffers`. */
  readonly weights: ReadonlyMap<number, GPUBuffer>;
}

/** Bind groups of every step for one batch and one set of the caller's buffers. */
interface Bound {
  readonly batch: number;
  readonly io: readonly GPUBuffer[];
  readonly groups: readonly GPUBindGroup[];
}

function assemble(
  descriptor: ModelDescriptor,
  device: GPUDevice,
  { pipelines, weights }: Ready,
  owned: ReturnType<typeof memory>,
  state: { lost: string | null; disposed: boolean },
  guarded: <T>(work: () => Promise<T>) => Promise<T>,
): Model {
  const ports = [...descriptor.inputs, ...descriptor.outputs];
  let arenas: readonly GPUBuffer[] = [];
  let capacity = 0;
  let bound: readonly Bound[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  const own = new Map<string, GPUBuffer>();

  const usable = (): void => {
    check(!state.disposed, "disposed", `${descriptor.name} was disposed of`);
    check(state.lost === null, "lost", `the GPU device was lost: ${state.lost}`);
  };

  const reserve = (batch: number): void => {
    if (batch <= capacity) return;
    for (const arena of arenas) owned.free(arena);
    arenas = descriptor.arenas.map((bytes, i) =>
      owned.buffer(`${descriptor.name} scratch ${i}`, bytes * batch, usage.storage),
    );
    capacity = batch;
    bound = [];
  };

  const resource = (index: number, batch: number, io: Readonly<Record<string, GPUBuffer>>): GPUBufferBinding => {
    const at = descriptor.buffers[index] as BufferDescriptor;
    const size = at.elements * bytesPerElement * (at.perImage ? batch : 1);
    if (at.at === "scratch") return { buffer: arenas[at.arena] as GPUBuffer, offset: at.offset * batch, size };
    if (at.at === "io") return { buffer: io[at.name] as GPUBuffer, size };
    return { buffer: weights.get(index) as GPUBuffer, size };
  };

  const bind = (batch: number, io: Readonly<Record<string, GPUBuffer>>): Bound => {
    reserve(batch);
    const key = ports.map(port => io[port.name] as GPUBuffer);
    const known = bound.find(b => b.batch === batch && b.io.every((buffer, i) => buffer === key[i]));
    if (known) return known;
    const groups = descriptor.steps.map(step =>
      device.createBindGroup({
        label: step.label,
        layout: (pipelines[step.kernel] as GPUComputePipeline).getBindGroupLayout(0),
        entries: step.bindings.map((index, binding) => ({ binding, resource: resource(index, batch, io) })),
      }),
    );
    const made = { batch, io: key, groups };
    bound = [made, ...bound].slice(0, 4);
    return made;
  };

  const record = (encoder: GPUCommandEncoder, batch: number, io: Readonly<Record<string, GPUBuffer>>): void => {
    const { groups } = bind(batch, io);
    const pass = encoder.beginComputePass({ label: descriptor.name });
    descriptor.steps.forEach((step: Dispatch, i) => {
      pass.setPipeline(pipelines[step.kernel] as GPUComputePipeline);
      pass.setBindGroup(0, groups[i] as GPUBindGroup);
      pass.dispatchWorkgroups(step.grid[0], step.grid[1], step.perImage ? batch : 1);
    });
    pass.end();
  };

  const perImage = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

  const checkBatch = (batch: number, what: string): number => {
    const { min, max } = descriptor.batch;
    const range = min === max ? `${min}` : `${min} to ${max}`;
    check(
      Number.isInteger(batch) && batch >= min && batch <= max,
      "input",
      `${what} is for ${batch} images, ${descriptor.name} was compiled for ${range}`,
    );
    return batch;
  };

  /** The batch that all inputs agree on. */
  const batchOf = (inputs: Readonly<Record<string, Float32Array | GPUBuffer>>): number => {
    let batch = 0;
    for (const port of descriptor.inputs) {
      const given = inputs[port.name];
      const images = `[N, ${port.shape.join(", ")}]`;
      check(given !== undefined && given !== null, "input", `no input '${port.name}' ${images}`);
      const array = given instanceof Float32Array;
      check(
        array || (typeof given === "object" && "mapState" in given),
        "input",
        `input '${port.name}' is a Float32Array or a GPUBuffer`,
      );
      const length = array ? given.length : given.size / bytesPerElement;
      const count = length / perImage(port.shape);
      check(
        length > 0 && Number.isInteger(count),
        "input",
        `input '${port.name}' has ${length} values, not a multiple of ${perImage(port.shape)}: ${images}`,
      );
      checkBatch(count, `input '${port.name}'`);
      check(batch === 0 || batch === count, "input", `the inputs hold different numbers of images`);
      batch = count;
    }
    return batch;
  };

  const ownBuffer = (key: string, bytes: number, flags: number): GPUBuffer => {
    const known = own.get(key);
    if (known && known.size === bytes) return known;
    if (known) owned.free(known);
    const made = owned.buffer(`${descriptor.name} ${key}`, bytes, flags);
    own.set(key, made);
    return made;
  };

  const forward = async (
    inputs: Readonly<Record<string, Float32Array | GPUBuffer>>,
    signal: Aborting | undefined,
  ): Promise<Record<string, Float32Array<ArrayBuffer>>> => {
    usable();
    check(!signal?.aborted, "aborted", "the run was aborted");
    const batch = batchOf(inputs);
    const staging = await scoped(device, descriptor.name, () => {
      const io: Record<string, GPUBuffer> = {};
      for (const { name } of descriptor.inputs) {
        const given = inputs[name] as Float32Array<ArrayBuffer> | GPUBuffer;
        if (!(given instanceof Float32Array)) {
          io[name] = given;
          continue;
        }
        const buffer = ownBuffer(name, given.byteLength, usage.storage | usage.copyDst);
        device.queue.writeBuffer(buffer, 0, given.buffer, given.byteOffset, given.byteLength);
        io[name] = buffer;
      }
      const sizes = descriptor.outputs.map(({ shape }) => perImage(shape) * batch * bytesPerElement);
      descriptor.outputs.forEach(({ name }, i) => {
        io[name] = ownBuffer(name, sizes[i] as number, usage.storage | usage.copySrc);
      });
      const encoder = device.createCommandEncoder({ label: descriptor.name });
      record(encoder, batch, io);
      const copies = descriptor.outputs.map(({ name }, i) => {
        const bytes = sizes[i] as number;
        const copy = ownBuffer(`${name} readback`, bytes, usage.mapRead | usage.copyDst);
        encoder.copyBufferToBuffer(io[name] as GPUBuffer, 0, copy, 0, bytes);
        return { name, copy, bytes };
      });
      device.queue.submit([encoder.finish()]);
      return copies;
    });
    const results: Record<string, Float32Array<ArrayBuffer>> = {};
    for (const { name, copy, bytes } of staging) results[name] = await readBack(copy, bytes);
    check(!signal?.aborted, "aborted", "the run was aborted");
    return results;
  };

  const run: Model["run"] = (inputs, { signal } = {}) => {
    const next = queue.then(() => guarded(() => forward(inputs, signal)));
    queue = next.catch(() => {});
    return next;
  };

  return {
    descriptor,
    run,
    encode: (encoder, buffers, batch = descriptor.batch.min) => {
      usable();
      checkBatch(batch, "this call");
      for (const { name } of ports) check(buffers[name], "input", `no buffer for '${name}'`);
      record(encoder, batch, buffers);
    },
    warmup: async (batch = descriptor.batch.min) => {
      const zeros = descriptor.inputs.map(port => [port.name, new Float32Array(perImage(port.shape) * batch)]);
      await run(Object.fromEntries(zeros));
    },
    dispose: () => {
      state.disposed = true;
      owned.freeAll();
    },
  };
}
