import { blamed } from "./bad-buffers.ts";
import type { ModelDescriptor, Port } from "./descriptor.ts";
import { forward, type Outputs } from "./forward.ts";
import { elements, memory } from "./gpu.ts";
import { type Buffers, batchOf, checkBatch, checkBuffers, type Inputs, lengthOf } from "./inputs.ts";
import { wholes } from "./parts.ts";
import { type Compiled, recorder } from "./recorder.ts";
import { type Aborting, abortable, checkSignal, type State } from "./state.ts";
import type { Turns } from "./turns.ts";

export interface RunOptions {
  readonly signal?: Aborting | undefined;
}

export interface Model {
  readonly descriptor: ModelDescriptor;
  /**
   * One forward pass: inputs by name, f32, row-major, the batch told by their length; GPU buffers are read in place.
   * Runs of a model take turns, so leave an array as it is until its run has settled. A long run is submitted in parts of
   * less than about 100 ms, so that a system that resets a busy GPU leaves it alone. Throws InputError, AbortError,
   * DeviceLostError, OutOfMemoryError, ShaderError or DisposedError; the next run works as before.
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

/** Kernels and weights, and what is around them. */
export interface Running {
  readonly compiled: Compiled;
  readonly state: State;
  readonly device: GPUDevice;
  readonly turns: Turns;
  /** Done before each run, in its turn; `encode` does it by steps of `encoded`, which are else those of the model. */
  readonly before?: (wanted: () => void) => Promise<unknown>;
  readonly encoded?: ModelDescriptor;
  /** Frees what the compiled model holds. */
  readonly free: () => void;
}

/** Zeros, or masks that remove the last patches. */
const blank = (port: Port, batch: number): Float32Array<ArrayBuffer> => {
  const { keep = Number.POSITIVE_INFINITY } = port;
  const size = elements(port.shape);
  return Float32Array.from({ length: lengthOf(port, batch) }, (_, i) => (i % size < keep ? 0 : 1));
};

/** A model whose kernels are compiled and whose weights are there. */
export function runnable(
  descriptor: ModelDescriptor,
  { compiled, state, device, turns, before, encoded = descriptor, free }: Running,
): Model {
  const { name } = descriptor;
  // A run that fails frees all that runs hold; commands of a caller may be submitted between two parts of one.
  const [forRuns, forCallers] = [memory(device), memory(device)];
  const callers = recorder(encoded, compiled, forCallers, true);
  const once = forward(descriptor, recorder(descriptor, compiled, forRuns, false), forRuns);

  const run: Model["run"] = (inputs, { signal } = {}) => {
    const what = `a run of ${name}`;
    const goOn = (): void => {
      state.alive();
      checkSignal(signal, what);
    };
    const done = turns(async () => {
      goOn();
      const batch = batchOf(descriptor, inputs);
      return state.guard(async () => {
        await before?.(goOn);
        try {
          return await (await once(inputs, batch, goOn)).result;
        } catch (cause) {
          throw await blamed(cause, inputs, device);
        }
      });
    });
    return abortable(done, signal, what);
  };

  return {
    descriptor,
    run,
    encode: (encoder, buffers, batch = descriptor.batch.min) => {
      state.alive();
      checkBatch(descriptor, batch, "this call is");
      checkBuffers(descriptor, buffers, batch);
      const parts = wholes(encoded.steps, batch);
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
      free();
      for (const each of [forRuns, forCallers]) each.freeAll();
    },
  };
}
