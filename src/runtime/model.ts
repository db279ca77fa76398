import type { ModelDescriptor, Port } from "./descriptor.ts";
import { checkLimits } from "./device.ts";
import { forward, type Outputs } from "./forward.ts";
import { elements, memory } from "./gpu.ts";
import { type Buffers, batchOf, checkBatch, checkBuffers, type Inputs, lengthOf } from "./inputs.ts";
import { compileKernels, kernelsFor } from "./kernels.ts";
import { wholes } from "./parts.ts";
import { type Compiled, recorder } from "./recorder.ts";
import { type Aborting, abortable, checkSignal, watch } from "./state.ts";
import { loadWeights, type WeightsSource } from "./weights.ts";

export type { Aborting } from "./state.ts";
export type { WeightsSource } from "./weights.ts";

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
   * Runs of a model take turns, so leave an array as it is until its run has settled. A long run is submitted in parts of
   * less than about 100 ms, so that a system that resets a busy GPU leaves it alone. Throws InputError, AbortError,
   * DeviceLostError, OutOfMemoryError, ShaderError (of a bad buffer) or DisposedError; the next run works as before.
   */
  readonly run: (inputs: Inputs, options?: RunOptions) => Promise<Outputs>;
  /**
   * Records one forward pass into the caller's encoder, from and into the caller's buffers (usage STORAGE), without
   * submitting or reading anything: all of it, however long. `buffers` holds every input and output by name; they may
   * be larger than needed. Throws InputError, DeviceLostError or DisposedError; where there is no memory, the commands
   * are invalid, which the encoder's `finish` tells.
   */
  readonly encode: (encoder: GPUCommandEncoder, buffers: Buffers, batch?: number) => void;
  /** Runs once on blank inputs, so that the first real run is as fast as the others. */
  readonly warmup: (batch?: number) => Promise<void>;
  /** Frees what the model made; not the device, not the caller's buffers. Twice is once. */
  readonly dispose: () => void;
}

/** Zeros, or masks that remove the last patches. */
const blank = (port: Port, batch: number): Float32Array<ArrayBuffer> => {
  const { keep = Number.POSITIVE_INFINITY } = port;
  const size = elements(port.shape);
  return Float32Array.from({ length: lengthOf(port, batch) }, (_, i) => (i % size < keep ? 0 : 1));
};

/**
 * Compiles the kernels, loads the weights and runs the setup. Throws LimitError, ShaderError, WeightsError,
 * OutOfMemoryError, AbortError or DeviceLostError, and then has freed everything.
 */
export async function createModel(descriptor: ModelDescriptor, options: ModelOptions): Promise<Model> {
  const { device, signal, weights: source, onProgress } = options;
  const { name } = descriptor;
  // A run that fails frees all that runs hold; commands of a caller may be submitted between two parts of one.
  const [lasting, forRuns, forCallers] = [memory(device), memory(device), memory(device)];
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
    const callers = recorder(descriptor, compiled, forCallers, true);
    const once = forward(descriptor, recorder(descriptor, compiled, forRuns, false), forRuns);
    let turn: Promise<unknown> = Promise.resolve();

    const run: Model["run"] = (inputs, { signal } = {}) => {
      const what = `a run of ${name}`;
      const goOn = (): void => {
        state.alive();
        checkSignal(signal, what);
      };
      const done = turn.then(() => {
        goOn();
        const batch = batchOf(descriptor, inputs);
        return state.guard(async () => (await once(inputs, batch, goOn)).result);
      });
      turn = done.then(
        () => {},
        () => {},
      );
      return abortable(done, signal, what);
    };

    return {
      descriptor,
      run,
      encode: (encoder, buffers, batch = descriptor.batch.min) => {
        state.alive();
        checkBatch(descriptor, batch, "this call is");
        checkBuffers(descriptor, buffers, batch);
        const parts = wholes(descriptor.steps, batch);
        // Apart, so that bad buffers of a caller cost no memory that other commands refer to.
        forCallers.scoped(name, () => callers.reserve(batch, parts));
        forCallers.scoped(name, () => callers.record(encoder, batch, buffers, parts));
      },
      warmup: async (batch = descriptor.batch.min) => {
        checkBatch(descriptor, batch, "this call is");
        await run(Object.fromEntries(descriptor.inputs.map(port => [port.name, blank(port, batch)])));
      },
      dispose: () => {
        state.dispose();
        for (const each of [lasting, forRuns, forCallers]) each.freeAll();
      },
    };
  } catch (cause) {
    lasting.freeAll();
    throw cause;
  }
}
