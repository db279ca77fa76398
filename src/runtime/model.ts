import type { ModelDescriptor } from "./descriptor.ts";
import { checkLimits } from "./device.ts";
import { check } from "./errors.ts";
import { memory } from "./gpu.ts";
import { compileKernels, kernelsFor } from "./kernels.ts";
import { creationProgress, type OnProgress } from "./progress.ts";
import type { Compiled } from "./recorder.ts";
import { type Model, runnable } from "./runnable.ts";
import { type Aborting, abortable, checkSignal, watch } from "./state.ts";
import { turns } from "./turns.ts";
import { fetchFitting } from "./weights/fetch-weights.ts";
import { checkLengths, checkWeights, loadWeights, type WeightsSource, weightBytes } from "./weights/load-weights.ts";

export type { Model, RunOptions } from "./runnable.ts";
export type { Aborting } from "./state.ts";
export type { WeightsFunction, WeightsSource } from "./weights/load-weights.ts";

export interface ModelOptions {
  /** Yours: the model never destroys it. `requestDevice` makes one that fits. */
  readonly device: GPUDevice;
  /** Tensors, or a promise of them, or the address of a safetensors file: it is fetched while kernels compile. */
  readonly weights: WeightsSource | PromiseLike<WeightsSource> | string | { readonly href: string };
  /** Kernels that are compiled and weights that are there, as parts of one whole; told at once, and when it is whole. */
  readonly onProgress?: OnProgress;
  readonly signal?: Aborting | undefined;
}

/**
 * Compiles the kernels, loads the weights and runs the setup. Throws LimitError, ShaderError, WeightsError, FetchError,
 * InputError, OutOfMemoryError, AbortError or DeviceLostError, and then has freed everything.
 */
export async function createModel(descriptor: ModelDescriptor, options: ModelOptions): Promise<Model> {
  const { device, signal, weights, onProgress } = options ?? ({} as ModelOptions);
  const { name, params } = descriptor;
  check(typeof device?.createBuffer === "function", "input", `${name} takes a GPUDevice: requestDevice gives one`);
  const lasting = memory(device);
  const state = watch(device, name);
  const what = `the creation of ${name}`;
  const wanted = (): void => {
    state.alive();
    checkSignal(signal, what);
  };

  let failed = false;
  const told: OnProgress = progress => {
    // What goes on to its end although nobody waits for it is no news.
    if (!failed) onProgress?.(progress);
  };

  try {
    checkLimits(descriptor, device.limits, "device");
    wanted();
    const loading = async (): Promise<Compiled> => {
      const address = addressOf(weights);
      const kernels = kernelsFor(device, descriptor);
      const whole = { kernels: kernels.length, bytes: weightBytes(params), fetches: address !== null };
      const progress = creationProgress(told, whole);
      progress.begun();
      const fetching = { signal, onProgress: progress.fetched };
      const fits = (lengths: ReadonlyMap<string, number>): void => checkLengths(lengths, params);
      const given = address === null ? weights : fetchFitting(address, fetching, fits);
      if (!isPromise(given)) checkWeights(given as WeightsSource, params);
      const ready = async (): Promise<WeightsSource> => {
        const source = (await given) as WeightsSource;
        checkWeights(source, params);
        return source;
      };
      const [source, pipelines] = await Promise.all([
        ready(),
        compileKernels(lasting, name, kernels, progress.compiled),
      ]);
      wanted();
      const load = { weights: source, uploaded: progress.uploaded, pipelines, memory: lasting, wanted };
      const loaded = [...(await loadWeights(descriptor, load))];
      return { pipelines, weights: new Map(loaded.map(([index, buffer]) => [index, { buffer }])) };
    };
    const compiled = await abortable(state.guard(loading), signal, what);
    return runnable(descriptor, { compiled, state, device, turns: turns(), free: lasting.freeAll });
  } catch (cause) {
    failed = true;
    lasting.freeAll();
    throw cause;
  }
}

const isPromise = (given: unknown): boolean => typeof (given as PromiseLike<unknown> | null)?.then === "function";

function addressOf(weights: ModelOptions["weights"]): string | null {
  if (typeof weights === "string") return weights;
  return weights instanceof web.URL ? weights.href : null;
}

const web = globalThis as unknown as { readonly URL: new (url: string) => { readonly href: string } };
