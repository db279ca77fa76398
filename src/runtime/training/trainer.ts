import type { BufferDescriptor, ModelDescriptor, TrainerDescriptor } from "../descriptor.ts";
import { checkLimits } from "../device.ts";
import { check, named } from "../errors.ts";
import { forward } from "../forward.ts";
import { bytesPerElement, type Memory, memory, usage } from "../gpu.ts";
import { batchOf, type Inputs } from "../inputs.ts";
import { compileKernels, kernelsFor } from "../kernels.ts";
import { recorder } from "../recorder.ts";
import { watch } from "../state.ts";
import { acting, optimizerKernels } from "./optimizer.ts";
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

export interface Trainer {
  /**
   * Adds the gradients of a micro-batch, times its share in the step, to those since the last update, and gives its loss.
   * Throws InputError, DeviceLostError, OutOfMemoryError or DisposedError.
   */
  readonly accumulate: (inputs: Inputs, share: number) => Promise<number>;
  /** Changes the weights by what was accumulated; where the norm of that is not finite, nothing changes. */
  readonly update: (options: UpdateOptions) => Promise<{ readonly gradNorm: number; readonly skipped: boolean }>;
  /** A parameter's values, in the official order. */
  readonly read: (kind: StateKind, name: string) => Promise<Float32Array>;
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

const gradient = "grad.";
const isGradient = (name: string): boolean => name.startsWith(gradient);

/** Compiles the kernels and loads what it starts from. Throws as `createModel` does. */
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
    const once = forward(pass, recorder(pass, { pipelines, weights }, forRuns, false), forRuns);
    const gradients = pass.buffers.flatMap(({ at, name }, index) =>
      at === "derived" && isGradient(name)
        ? [[name.slice(gradient.length), weights.get(index) as GPUBufferBinding] as const]
        : [],
    );
    const act = acting(lasting, optimizer, held, { clip, gradients });
    let isFirst = true;
    let turn: Promise<unknown> = Promise.resolve();
    /** One thing at a time: what changes the weights waits for the pass that reads them. */
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const done = turn.then(() => {
        state.alive();
        return state.guard(work);
      });
      turn = done.catch(() => {});
      return done;
    };
    return {
      accumulate: (inputs, share) =>
        inTurn(async () => {
          const { loss } = await once(inputs, batchOf(pass, inputs), state.alive);
          await act.accumulate(share, isFirst);
          isFirst = false;
          return loss?.[0] ?? Number.NaN;
        }),
      update: ({ lr, n }) =>
        inTurn(async () => {
          check(!isFirst, "input", "an update needs gradients: accumulate some first");
          isFirst = true;
          return act.update({
            lr,
            betas,
            eps,
            ema: ema ?? 0,
            first: 1 - betas[0] ** n,
            second: Math.sqrt(1 - betas[1] ** n),
          });
        }),
      read: (kind, param) => inTurn(() => act.read(kind, param)),
      dispose: () => {
        state.dispose();
        free();
      },
    };
  } catch (cause) {
    free();
    throw named(cause, name);
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
