import type { ModelDescriptor } from "./descriptor.ts";
import { checkLimits } from "./device.ts";
import { memory } from "./gpu.ts";
import { compileKernels, kernelsFor } from "./kernels.ts";
import type { Compiled } from "./recorder.ts";
import { type Model, runnable } from "./runnable.ts";
import { type Aborting, abortable, checkSignal, watch } from "./state.ts";
import { turns } from "./turns.ts";
import { loadWeights, type WeightsSource } from "./weights/load-weights.ts";

export type { Model, RunOptions } from "./runnable.ts";
export type { Aborting } from "./state.ts";
export type { WeightsSource } from "./weights/load-weights.ts";

export interface ModelOptions {
  /** Yours: the model never destroys it. `requestDevice` makes one that fits. */
  readonly device: GPUDevice;
  readonly weights: WeightsSource;
  /** Bytes of weights on the GPU so far, and in all. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: number }) => void) | undefined;
  readonly signal?: Aborting | undefined;
}

/**
 * Compiles the kernels, loads the weights and runs the setup. Throws LimitError, ShaderError, WeightsError,
 * OutOfMemoryError, AbortError or DeviceLostError, and then has freed everything.
 */
export async function createModel(descriptor: ModelDescriptor, options: ModelOptions): Promise<Model> {
  const { device, signal, weights: source, onProgress } = options;
  const { name } = descriptor;
  const lasting = memory(device);
  const state = watch(device, name);
  const what = `the creation of ${name}`;
  const wanted = (): void => {
    state.alive();
    checkSignal(signal, what);
  };

  try {
    checkLimits(descriptor, device.limits, "device");
    wanted();
    const loading = async (): Promise<Compiled> => {
      const pipelines = await compileKernels(lasting, name, kernelsFor(device, descriptor));
      const loading = { weights: source, onProgress, pipelines, memory: lasting, wanted };
      const weights = [...(await loadWeights(descriptor, loading))];
      return { pipelines, weights: new Map(weights.map(([index, buffer]) => [index, { buffer }])) };
    };
    const compiled = await abortable(state.guard(loading), signal, what);
    return runnable(descriptor, { compiled, state, device, turns: turns(), free: lasting.freeAll });
  } catch (cause) {
    lasting.freeAll();
    throw cause;
  }
}
