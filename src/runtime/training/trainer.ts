import type { BufferDescriptor, ModelDescriptor, TrainerDescriptor } from "../descriptor.ts";
import { checkLimits } from "../device.ts";
import { forward, type Submitted } from "../forward.ts";
import { bytesPerElement, type Memory, memory, usage } from "../gpu.ts";
import { batchOf, type Inputs } from "../inputs.ts";
import { compileKernels, kernelsFor } from "../kernels.ts";
import { recorder } from "../recorder.ts";
import { watch } from "../state.ts";
import { acting, type KeptKind, optimizerKernels, type Updated } from "./optimizer.ts";
import { type Held, hold, type Start, type StateKind, slices } from "./shelves.ts";

export interface TrainerOptions extends Start {
  /** Yours: the trainer never destroys it. */
  readonly device: GPUDevice;
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** The largest norm of all gradients together, or null. */
  readonly clip: number | null;
  /** Decay of the average of the weights, or null. */
  readonly ema: number | null;
}

export interface UpdateOptions {
  readonly lr: number;
  /** Which update it is, from 1; those that were skipped do not count. */
  readonly n: number;
}

/**
 * What learns on the GPU, one call at a time: a call settles when its work is submitted, and what comes of that comes later, so
 * that the next may be submitted meanwhile. Calls throw DeviceLostError, OutOfMemoryError or DisposedError.
 */
export interface Trainer {
  /**
   * Adds the gradients of a micro-batch, times its share in the step, to those since the last update, and gives its loss. Two
   * may be under way. Throws InputError.
   */
  readonly accumulate: (inputs: Inputs, share: number) => Promise<Submitted<number>>;
  /** Changes the weights by what was accumulated; where the norm of that is not finite, nothing changes. */
  readonly update: (options: UpdateOptions) => Promise<Submitted<Updated>>;
  /** A parameter's values, in the official order. */
  readonly read: (kind: KeptKind, name: string) => Promise<Float32Array<ArrayBuffer>>;
  /** Puts other values in their place, and forgets the gradients of a step that has begun. */
  readonly write: (kind: StateKind, name: string, values: Float32Array) => void;
  /** Where a parameter lies. */
  readonly binding: (name: string) => GPUBufferBinding;
  readonly dispose: () => void;
}

/** As a pass runs it: packing first, and gradients kept for the optimizer. */
const asPass = (descriptor: TrainerDescriptor): ModelDescriptor => ({
  ...descriptor,
  outputs: descriptor.outputs.filter(({ name }) => !isGradient(name)),
  buffers: descriptor.buffers.map(
    (buffer): BufferDescriptor =>
      buffer.at === "io" && isGradient(buffer.name) && !buffer.perImage
        ? { at: "derived", name: buffer.name, elements: buffer.elements, perImage: false }
        : buffer,
  ),
  setup: [],
  steps: [...descriptor.setup, ...descriptor.steps],
});

/** Passes: with one whose loss is on its way the GPU has work while the next is prepared; more would only wait. */
const mostUnderWay = 2;

const gradient = "grad.";
const isGradient = (name: string): boolean => name.startsWith(gradient);

/** Compiles the kernels and loads what it starts from. Throws as `createModel` does, and what `start` throws. */
export async function createTrainer(descriptor: TrainerDescriptor, options: TrainerOptions): Promise<Trainer> {
  const { device, params, betas, eps, clip, ema, start } = options;
  const { name } = descriptor;
  const [lasting, forRuns] = [memory(device), memory(device)];
  const state = watch(device, name);
  const free = (): void => {
    lasting.freeAll();
    forRuns.freeAll();
  };
  try {
    checkLimits(descriptor, device.limits, "device");
    const pass = asPass(descriptor);
    const pipelines = await compileKernels(lasting, name, kernelsFor(device, descriptor));
    const optimizer = await optimizerKernels(lasting, descriptor);
    const held = await hold(descriptor, lasting, { params, hasAverage: ema !== null, start });
    const { result: weights, report } = lasting.scoped(name, () => bindingsOf(pass, held, lasting));
    await report;
    const once = forward(pass, recorder(pass, { pipelines, weights }, forRuns, false), forRuns, mostUnderWay);
    const gradients = pass.buffers.flatMap(({ at, name }, index) =>
      at === "derived" && isGradient(name)
        ? [[name.slice(gradient.length), weights.get(index) as GPUBufferBinding] as const]
        : [],
    );
    const act = acting(lasting, optimizer, held, { clip, gradients });
    let isFirst = true;
    const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
      state.alive();
      return state.guard(work);
    };
    const later = <T>(result: Promise<T>): Submitted<T> => {
      const guarded = state.guard(() => result);
      guarded.catch(() => {});
      return { result: guarded };
    };
    return {
      accumulate: (inputs, share) =>
        guarded(async () => {
          const { result } = await once(inputs, batchOf(pass, inputs), state.alive);
          await act.accumulate(share, isFirst);
          isFirst = false;
          return later(result.then(({ loss }) => loss?.[0] ?? Number.NaN));
        }),
      update: ({ lr, n }) =>
        guarded(async () => {
          isFirst = true;
          const [first, second] = [1 - betas[0] ** n, Math.sqrt(1 - betas[1] ** n)];
          const { result } = await act.update({ lr, betas, eps, ema: ema ?? 0, first, second });
          return later(result);
        }),
      read: (kind, param) => guarded(() => act.read(kind, param)),
      write: (kind, param, values) => {
        state.alive();
        isFirst = true;
        act.write(kind, param, values);
      },
      binding: param => slices(held, param, ({ state }) => state.param) as GPUBufferBinding,
      dispose: () => {
        state.dispose();
        free();
      },
    };
  } catch (cause) {
    free();
    throw cause;
  }
}

/**
 * Where each value of a pass lies that is no scratch: parameters on their shelves, the others by themselves. Gradients too: a
 * step reads one and writes another, which WebGPU allows of no buffer.
 */
function bindingsOf(
  pass: ModelDescriptor,
  held: readonly Held[],
  lasting: Memory,
): ReadonlyMap<number, GPUBufferBinding> {
  const found = new Map<number, GPUBufferBinding>();
  for (const [index, { at, name, elements: count }] of pass.buffers.entries()) {
    if (at !== "param" && at !== "derived") continue;
    const shelved = at === "param" ? slices(held, name, ({ state }) => state.param) : null;
    found.set(index, shelved ?? { buffer: lasting.buffer(name, count * bytesPerElement, usage.storage) });
  }
  return found;
}
