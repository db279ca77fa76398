import type { ModelDescriptor } from "./descriptor.ts";
import { checkLimits, isSoftware } from "./device.ts";
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

/** Of a safetensors file. With its hash and the name of a cache it is fetched as `fetchWeights` does with these. */
export type WeightsAddress =
  | string
  | { readonly href: string; readonly sha256?: string | undefined; readonly cache?: string | undefined };

export interface ModelOptions {
  /** Yours: the model never destroys it. `requestDevice` makes one that fits. */
  readonly device: GPUDevice;
  /** Tensors, or a promise of them, or the address of a safetensors file: it is fetched while kernels compile. */
  readonly weights: WeightsSource | PromiseLike<WeightsSource> | WeightsAddress;
  /** Kernels that are compiled and weights that are there, as parts of one whole; told at once, and when it is whole. */
  readonly onProgress?: OnProgress;
  readonly signal?: Aborting | undefined;
}

/** One model for GPUs and for software adapters: the module of these is loaded where it is wanted. */
export interface ModelBuilds {
  readonly descriptor: ModelDescriptor;
  readonly software: () => Promise<{ readonly descriptor: ModelDescriptor }>;
}

/**
 * Compiles the kernels, loads the weights and runs the setup. Throws LimitError, ShaderError, WeightsError, FetchError,
 * InputError, OutOfMemoryError, AbortError or DeviceLostError, and then has freed everything.
 */
export async function createModel(of: ModelDescriptor | ModelBuilds, options: ModelOptions): Promise<Model> {
  const { device, signal, weights, onProgress } = options ?? ({} as ModelOptions);
  const builds = "software" in of ? of : null;
  const descriptor = builds?.descriptor ?? (of as ModelDescriptor);
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
    const loading = async (): Promise<Running> => {
      const address = addressOf(weights);
      const whole = { bytes: weightBytes(params), fetches: address !== null };
      const progress = creationProgress(told, whole);
      progress.begun();
      const fits = (lengths: ReadonlyMap<string, number>): void => checkLengths(lengths, params);
      const given =
        address === null
          ? weights
          : fetchFitting(address.href, { ...address, signal, onProgress: progress.fetched }, fits);
      if (!isPromise(given)) checkWeights(given as WeightsSource, params);
      const ready = async (): Promise<WeightsSource> => {
        const source = (await given) as WeightsSource;
        checkWeights(source, params);
        return source;
      };
      const compile = async () => {
        const made =
          builds !== null && isSoftware(device.adapterInfo) ? (await builds.software()).descriptor : descriptor;
        wanted();
        const kernels = kernelsFor(device, made);
        const ready = () => progress.compiled(kernels.length);
        return { made, pipelines: await compileKernels(lasting, name, kernels, ready) };
      };
      const [source, { made, pipelines }] = await Promise.all([ready(), compile()]);
      wanted();
      const load = { weights: source, uploaded: progress.uploaded, pipelines, memory: lasting, wanted };
      const loaded = [...(await loadWeights(made, load))];
      const buffers = new Map(loaded.map(([index, buffer]) => [index, { buffer }]));
      return { made, compiled: { pipelines, weights: buffers } };
    };
    const { made, compiled } = await abortable(state.guard(loading), signal, what);
    return runnable(made, { compiled, state, device, turns: turns(), free: lasting.freeAll });
  } catch (cause) {
    failed = true;
    lasting.freeAll();
    throw cause;
  }
}

/** What runs, and as what. */
interface Running {
  readonly made: ModelDescriptor;
  readonly compiled: Compiled;
}

const isPromise = (given: unknown): boolean => typeof (given as PromiseLike<unknown> | null)?.then === "function";

function addressOf(weights: ModelOptions["weights"]): Exclude<WeightsAddress, string> | null {
  if (typeof weights === "string") return { href: weights };
  const { href, sha256, cache } = (weights ?? {}) as { readonly [name: string]: unknown };
  if (typeof weights !== "object" || typeof href !== "string") return null;
  return { href, sha256: sha256 as string | undefined, cache: cache as string | undefined };
}
