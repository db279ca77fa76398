import type { BufferDescriptor, ModelDescriptor } from "../descriptor.ts";
import { checkLimits } from "../device.ts";
import { forward } from "../forward.ts";
import { memory, usage, widthOf } from "../gpu.ts";
import { compileKernels, kernelsFor } from "../kernels.ts";
import { type Compiled, recorder } from "../recorder.ts";
import { type Model, runnable } from "../runnable.ts";
import { watch } from "../state.ts";
import type { Turns } from "../turns.ts";

/** Weights that somebody changes. */
export interface Changing {
  readonly device: GPUDevice;
  readonly turns: Turns;
  /** Where a parameter lies. */
  readonly binding: (name: string) => GPUBufferBinding;
  /** Another number whenever they have changed. */
  readonly version: () => number;
}

/**
 * A model on weights that change: parameters are read where they are, and packed anew before a run where they have changed since.
 * Throws as `createModel` does.
 */
export async function learningModel(
  descriptor: ModelDescriptor,
  { device, turns, binding, version }: Changing,
): Promise<Model> {
  const { name } = descriptor;
  const [lasting, forPacking] = [memory(device), memory(device)];
  const state = watch(device, name);
  const free = (): void => {
    for (const each of [lasting, forPacking]) each.freeAll();
  };
  const place = (at: BufferDescriptor): GPUBufferBinding =>
    at.at === "param"
      ? binding(at.name)
      : { buffer: lasting.buffer(at.name, at.elements * widthOf(at), usage.storage) };
  const compiling = async (): Promise<Compiled> => {
    const pipelines = await compileKernels(lasting, name, kernelsFor(device, descriptor));
    const { result: weights, report } = lasting.scoped(
      name,
      () =>
        new Map(
          descriptor.buffers.flatMap((buffer, index) =>
            buffer.at === "param" || buffer.at === "derived" ? [[index, place(buffer)] as const] : [],
          ),
        ),
    );
    await report;
    return { pipelines, weights };
  };
  try {
    checkLimits(descriptor, device.limits, "device");
    const compiled = await state.guard(compiling);
    const setup: ModelDescriptor = {
      ...descriptor,
      inputs: [],
      outputs: [],
      arenas: [],
      fixedArenas: [],
      steps: descriptor.setup,
    };
    const pack = forward(setup, recorder(setup, compiled, forPacking, false), forPacking);
    let packed: number | null = null;
    return runnable(descriptor, {
      compiled,
      state,
      device,
      turns,
      before: async wanted => {
        if (packed === version()) return;
        packed = null;
        await pack({}, 1, wanted);
        packed = version();
      },
      // Nobody knows what will have changed by the time it is submitted.
      encoded: { ...descriptor, steps: [...descriptor.setup, ...descriptor.steps] },
      free,
    });
  } catch (cause) {
    free();
    throw cause;
  }
}
