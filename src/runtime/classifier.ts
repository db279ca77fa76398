import { type Choice, chooseDevice } from "./choose.ts";
import type { ModelDescriptor } from "./descriptor.ts";
import { check } from "./errors.ts";
import type { ModelOptions } from "./model.ts";
import type { PreprocessDescriptor } from "./pictures/descriptor.ts";
import type { Picture } from "./pictures/sources.ts";
import { createPreprocessor } from "./preprocess.ts";
import type { Model, RunOptions } from "./runnable.ts";
import { checkSignal } from "./state.ts";
import type { TopClass } from "./top-k.ts";

export interface ClassifierOptions extends Choice, Omit<ModelOptions, "device"> {}

export interface ClassifyOptions extends RunOptions {
  /** How many classes of each image, the likeliest first; 5 where it is left out. */
  readonly topK?: number | undefined;
}

/**
 * The likeliest classes of a picture, or of each of several, in their order; as many at a time are run together as the model
 * was compiled for. Throws InputError for what is no picture, and what `run` throws.
 */
export interface Classify<Label extends string | null> {
  (image: Picture, options?: ClassifyOptions): Promise<readonly TopClass<Label>[]>;
  (images: readonly Picture[], options?: ClassifyOptions): Promise<readonly (readonly TopClass<Label>[])[]>;
}

/** Of any model: a pass, and the end. */
type Runs = Pick<Model, "dispose"> & { readonly run: unknown };

/** What it runs on, and the model as that has it. */
type Ran<M extends Runs> =
  | { readonly on: "webgpu"; readonly model: M }
  | { readonly on: "onnx"; readonly model: Pick<M, "run" | "dispose"> };

export type Classifier<M extends Runs, Label extends string | null> = Ran<M> & {
  readonly classify: Classify<Label>;
  /** Frees the model, and the device where it was made for this. Twice is once. */
  readonly dispose: () => void;
};

/** What a generated module knows of its model. */
export interface ClassifierParts {
  readonly descriptor: ModelDescriptor;
  readonly createModel: (options: ModelOptions) => Promise<Runs>;
  readonly preprocessing: PreprocessDescriptor;
  readonly topK: (logits: Float32Array, k?: number) => readonly (readonly TopClass[])[];
  /** Loads what runs the model without WebGPU. */
  readonly withoutWebgpu: () => Promise<WithoutWebgpu>;
}

/** What `cnxc/runtime/onnx` has for a classifier. */
export interface WithoutWebgpu {
  readonly openOnnx: (
    descriptor: ModelDescriptor,
    options: Omit<ClassifierOptions, "weights">,
  ) => Promise<Pick<Model, "run" | "dispose">>;
  readonly fitPictures: (images: readonly Picture[], preprocessing: PreprocessDescriptor) => Promise<Float32Array>;
}

/** What becomes of pictures on the way to `logits`. */
interface Ready {
  readonly model: Runs;
  readonly logits: (images: readonly Picture[], options: RunOptions) => Promise<Float32Array>;
  readonly free: () => void;
}

/**
 * A model and what fits pictures into it, made side by side, on a device of its own where none is given. Throws what
 * `requestDevice`, `createModel` and `createPreprocessor` throw, and then has freed everything.
 */
export async function createClassifier(
  parts: ClassifierParts,
  options: ClassifierOptions,
): Promise<Classifier<Runs, string | null>> {
  const { descriptor, topK } = parts;
  check(typeof options === "object" && options !== null, "input", "createClassifier takes options: { weights }");
  checkSignal(options.signal, `the creation of ${descriptor.name}`);
  const device = await chooseDevice(descriptor, options);
  const { model, logits, free } = await (device === null ? onOnnx(parts, options) : onWebgpu(parts, options, device));
  let disposed = false;

  const answers = async (
    images: readonly Picture[],
    { topK: k = 5, ...running }: ClassifyOptions,
  ): Promise<readonly (readonly TopClass[])[]> => {
    check(!disposed, "disposed", `${descriptor.name} was disposed of`);
    check(Number.isInteger(k) && k > 0, "input", `topK is a whole number of classes, not ${String(k)}`);
    check(images.length > 0, "input", "there is no image to classify");
    const found: (readonly TopClass[])[] = [];
    const most = descriptor.batch.max;
    for (let at = 0; at < images.length; at += most)
      found.push(...topK(await logits(images.slice(at, at + most), running), k));
    return found;
  };

  return {
    on: device === null ? "onnx" : "webgpu",
    model,
    classify: (async (given: Picture | readonly Picture[], running: ClassifyOptions = {}) => {
      if (Array.isArray(given)) return answers(given, running);
      const [only] = await answers([given as Picture], running);
      return only;
    }) as Classify<string | null>,
    dispose: () => {
      disposed = true;
      free();
    },
  } as Classifier<Runs, string | null>;
}

async function onWebgpu(
  { createModel, preprocessing }: ClassifierParts,
  { device: given, weights, onProgress, signal }: ClassifierOptions,
  device: GPUDevice,
): Promise<Ready> {
  const modelling = createModel({ device, weights, onProgress, signal });
  try {
    const [model, preprocess] = await Promise.all([modelling, createPreprocessor(device, preprocessing)]);
    const { run } = model as Pick<Model, "run">;
    return {
      model,
      logits: async (images, running) => {
        const pixel_values = await preprocess(images);
        try {
          return (await run({ pixel_values }, running)).logits as Float32Array;
        } finally {
          pixel_values.destroy();
        }
      },
      free: () => {
        model.dispose();
        if (given === undefined) device.destroy();
      },
    };
  } catch (cause) {
    modelling.then(
      model => model.dispose(),
      () => {},
    );
    if (given === undefined) device.destroy();
    throw cause;
  }
}

async function onOnnx(
  { descriptor, preprocessing, withoutWebgpu }: ClassifierParts,
  options: ClassifierOptions,
): Promise<Ready> {
  const { openOnnx, fitPictures } = await withoutWebgpu();
  const model = await openOnnx(descriptor, options);
  return {
    model,
    logits: async (images, running) => {
      const pixel_values = await fitPictures(images, preprocessing);
      return (await model.run({ pixel_values }, running)).logits as Float32Array;
    },
    free: model.dispose,
  };
}
