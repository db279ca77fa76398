import type { ModelDescriptor, Optimizer, RecipeDescriptor, TrainerDescriptor } from "../descriptor.ts";
import { check } from "../errors.ts";
import type { Submitted } from "../forward.ts";
import { bytesPerElement, elements } from "../gpu.ts";
import type { Inputs } from "../inputs.ts";
import type { ModelOptions } from "../model.ts";
import type { Model } from "../runnable.ts";
import { abortable, checkSignal, watch } from "../state.ts";
import { turns } from "../turns.ts";
import { tensorOf, type WeightsSource } from "../weights/load-weights.ts";
import { learningModel } from "./learning-model.ts";
import type { Updated } from "./optimizer.ts";
import { checkLearningRate, checkShare, optimizerOf, treatments } from "./recipe.ts";
import { createTrainer, type Trainer } from "./trainer.ts";
import { allKept, type SavedState, type StateTensor, updatesName, wholeState } from "./training-state.ts";

/** What a generated module knows of a model that learns. */
export interface Learnable {
  /** The model as it runs. */
  readonly model: ModelDescriptor;
  /** The same with its gradients. */
  readonly training: TrainerDescriptor;
  readonly recipe: RecipeDescriptor;
}

export interface ModelTrainerOptions extends Omit<ModelOptions, "weights"> {
  readonly weights: WeightsSource;
  /** What is not as the recipe says. */
  readonly optimizer?: Partial<Optimizer> | undefined;
}

export interface UpdateOptions {
  readonly lr: number;
}

/** What came of a step. */
export interface Stepped extends Updated {
  /** Of the weights before the step. */
  readonly loss: number;
}

/**
 * A model that learns on the GPU. Calls take turns, in the order in which they are made, so that the next step may be asked for
 * before the last one is done: two are under way then, and more wait. Leave an array as it is until its call has settled.
 * Calls throw InputError, DeviceLostError, OutOfMemoryError or DisposedError; one that throws InputError has changed nothing.
 */
export interface ModelTrainer {
  /** A forward pass, a backward pass and an update: `accumulate` and `update`, with nothing between. */
  readonly step: (inputs: Inputs, options: UpdateOptions) => Promise<Stepped>;
  /**
   * Adds the gradients of a micro-batch to those since the last update, times its share in the step, 1 / k where a step has k
   * of them, and gives its loss.
   */
  readonly accumulate: (inputs: Inputs, share?: number) => Promise<number>;
  /** Changes the weights by what was accumulated; where the norm of that is not finite, nothing changes. */
  readonly update: (options: UpdateOptions) => Promise<Updated>;
  /** How many updates have changed the weights, of those that are done. */
  readonly updates: () => number;
  /** A parameter's gradients, of the step that has begun or else of the last one, before clipping. */
  readonly gradients: (name: string) => Promise<Float32Array<ArrayBuffer>>;
  /** All that a trainer needs to go on with the same bits, a tensor at a time; no step may come between. */
  readonly state: () => AsyncGenerator<StateTensor, void, undefined>;
  /** Goes on from a state, whole or not at all. Throws WeightsError too, and what comes from where it is read. */
  readonly load: (state: SavedState) => Promise<void>;
  /** The model as it runs, on these very weights; it takes turns with the steps. Throws as `createModel` does. */
  readonly model: () => Promise<Model>;
  /** Frees what the trainer and its models made; not the device, not the caller's buffers. Twice is once. */
  readonly dispose: () => void;
}

/** Compiles the kernels and loads the weights. Throws as `createModel` does, and InputError of an optimizer's number. */
export async function createModelTrainer(
  { model, training, recipe }: Learnable,
  { device, weights, optimizer: given = {}, onProgress, signal }: ModelTrainerOptions,
): Promise<ModelTrainer> {
  const { name, params } = training;
  const optimizer = optimizerOf(recipe, given);
  const lifetime = watch(device, name);
  const what = `the creation of a trainer of ${name}`;
  const wanted = (): void => {
    lifetime.alive();
    checkSignal(signal, what);
  };
  wanted();
  const shapes = new Map(params.map(({ name, shape }) => [name, shape]));
  const total = params.reduce((sum, { shape }) => sum + elements(shape) * bytesPerElement, 0);
  let loaded = 0;
  const core = await created(
    createTrainer(training, {
      device,
      ...optimizer,
      params: treatments(recipe, optimizer),
      start: async (kind, param) => {
        if (kind !== "param") return null;
        const values = await tensorOf(weights, param, shapes.get(param) ?? []);
        wanted();
        loaded += values.byteLength;
        onProgress?.({ loaded, total });
        return values;
      },
    }),
    creating =>
      abortable(
        lifetime.guard(() => creating),
        signal,
        what,
      ),
  );

  const kept = allKept(params, optimizer.ema !== null);
  const inTurn = turns();
  const models = new Set<Model>();
  let updates = 0;
  /** Of the weights, which every update may change. */
  let version = 0;
  /** Whether there are gradients that no update has used. */
  let hasBegun = false;
  let hasGradients = false;
  /** Until it is known whether the latest update counts. */
  let counted: Promise<void> = Promise.resolve();

  const accumulate = async (inputs: Inputs, share: number): Promise<Submitted<number>> => {
    const loss = await core.accumulate(inputs, share);
    hasBegun = true;
    hasGradients = true;
    return loss;
  };
  const update = async (lr: number): Promise<Submitted<Updated>> => {
    check(hasBegun, "input", "an update needs gradients: accumulate some first");
    // Which update it is decides how far it goes, and one that was skipped is none.
    await counted;
    hasBegun = false;
    version++;
    const updated = await core.update({ lr, n: updates + 1 });
    counted = updated.result.then(
      ({ skipped }) => {
        if (!skipped) updates++;
      },
      () => {},
    );
    return updated;
  };
  const settled = async <T>(work: () => Promise<Submitted<T>>): Promise<T> => (await inTurn(work)).result;

  async function* state(): AsyncGenerator<StateTensor, void, undefined> {
    const of = await inTurn(async () => {
      await counted;
      check(!hasBegun, "input", "gradients are no part of a state: update before it is read");
      return { version, updates };
    });
    yield { name: updatesName, shape: [1], data: Float32Array.of(of.updates) };
    for (const { name, shape, kind, param } of kept) {
      const data = await inTurn(async () => {
        check(of.version === version, "input", "the weights have changed while their state was read: read it again");
        return core.read(kind, param);
      });
      yield { name, shape, data };
    }
  }

  return {
    step: (inputs, { lr }) =>
      settled(async () => {
        checkLearningRate(lr);
        const { result: loss } = await accumulate(inputs, 1);
        const { result: updated } = await update(lr);
        return { result: Promise.all([loss, updated]).then(([loss, updated]) => ({ loss, ...updated })) };
      }),
    accumulate: (inputs, share = 1) =>
      settled(async () => {
        checkShare(share);
        return accumulate(inputs, share);
      }),
    update: ({ lr }) =>
      settled(async () => {
        checkLearningRate(lr);
        return update(lr);
      }),
    updates: () => updates,
    gradients: param =>
      inTurn(async () => {
        check(hasGradients, "input", "there are no gradients before the first step");
        return core.read("gradient", param);
      }),
    state,
    load: async saved => {
      const whole = await wholeState(saved, kept);
      await inTurn(async () => {
        await counted;
        for (const { name, kind, param } of kept) core.write(kind, param, whole.tensors.get(name) as Float32Array);
        ({ updates } = whole);
        hasBegun = false;
        hasGradients = false;
        version++;
      });
    },
    model: async () => {
      lifetime.alive();
      const made = await learningModel(model, { device, turns: inTurn, binding: core.binding, version: () => version });
      models.add(made);
      return made;
    },
    dispose: () => {
      lifetime.dispose();
      for (const made of models) made.dispose();
      core.dispose();
    },
  };
}

/** What comes of a creation; of one that nobody waits for any more, nothing is left. */
async function created(
  creating: Promise<Trainer>,
  wait: (creating: Promise<Trainer>) => Promise<Trainer>,
): Promise<Trainer> {
  try {
    return await wait(creating);
  } catch (cause) {
    creating.then(
      trainer => trainer.dispose(),
      () => {},
    );
    throw cause;
  }
}
