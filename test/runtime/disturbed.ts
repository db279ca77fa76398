import { afterAll, afterEach, expect } from "vitest";
import type { Model as Spec } from "../../src/model/model.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import type { ModelErrorCode } from "../../src/runtime/errors.ts";
import { createModel, type Model, type ModelOptions } from "../../src/runtime/model.ts";
import { fcmaeInputs } from "../support/fcmae.ts";
import { adapter, testDevice } from "../support/gpu.ts";
import { model, mustBuild, testInput, testWeights } from "../support/models.ts";
import { compiledWgsl } from "../support/wgsl.ts";
import { type Faulty, faulty } from "./faults.ts";
import { bits, type Compiled, nothingCompiled, type Tampered, tamper, tiny } from "./support.ts";

type Inputs = Readonly<Record<string, Float32Array<ArrayBuffer>>>;
type Outputs = Readonly<Record<string, Float32Array>>;

/** A model to be disturbed, which runs 1 to `most` images. */
export interface Subject {
  readonly title: string;
  readonly descriptor: ModelDescriptor;
  readonly weights: Readonly<Record<string, Float32Array>>;
  readonly inputs: (batch: number) => Inputs;
  readonly most: number;
}

async function subject(title: string, spec: Spec, most: number, taps: readonly string[] = []): Promise<Subject> {
  const descriptor = compiledWgsl({ model: spec, batch: { min: 1, max: most }, taps });
  const all = testWeights(mustBuild(spec, taps), 1);
  const rows = descriptor.params.map(async ({ name }) => [name, await all.f32(name)] as const);
  const inputs = (batch: number): Inputs =>
    spec.head.kind === "fcmae"
      ? fcmaeInputs(spec, batch, 3)
      : { pixel_values: Float32Array.from(testInput(spec, batch, 3)) };
  return { title, descriptor, weights: Object.fromEntries(await Promise.all(rows)), inputs, most };
}

export const classifier = await subject("a classifier", tiny, 8);
export const features = await subject("features", tiny, 3, ["stages.0"]);
export const autoencoder = await subject(
  "a masked autoencoder",
  model({
    name: "masked",
    depths: [1],
    dims: [4],
    input: { height: 8, width: 16, channels: 1 },
    head: { kind: "fcmae", maskRatio: 0.6, patchSize: 4, decoder: { depth: 1, dim: 4 }, normPixLoss: true },
  }),
  3,
);
/** So much work is told of each dispatch that a first run is submitted in several parts, which begin within dispatches. */
export const cut: Subject = {
  ...classifier,
  title: "a run in parts",
  descriptor: {
    ...classifier.descriptor,
    steps: classifier.descriptor.steps.map(step => ({ ...step, work: 1e8 })),
  },
  most: 2,
};
export const subjects = [classifier, features, autoencoder, cut];

export interface Disturbed extends Faulty, Pick<Tampered, "live"> {}

/** One GPU for the tests of a file, which ends with them and on which nothing may go wrong unnoticed. */
export async function disturbedDevice() {
  const real = adapter === null ? null : await testDevice();
  const compiled = nothingCompiled();
  const stray: string[] = [];
  if (real)
    real.onuncapturederror = event => {
      stray.push(event.error.message);
    };
  afterEach(() => expect(stray).toEqual([]));
  afterAll(() => real?.destroy());

  /** A form of it that others see nothing of; pipelines are made once for all of them. */
  const disturbed = (gpu: GPUDevice = real as GPUDevice, known: Compiled = compiled): Disturbed => {
    const { device, live } = tamper(gpu, known);
    return { ...faulty(device), live };
  };

  /** What an undisturbed model gives for 1, 2, ... images. */
  const expectedOf = async (of: Subject): Promise<readonly Readonly<Record<string, Uint8Array>>[]> => {
    const calm = await make(of, disturbed().device);
    const expected = [];
    for (let batch = 1; batch <= of.most; batch++) expected.push(bitsOf(await calm.run(of.inputs(batch))));
    calm.dispose();
    return expected;
  };
  return { disturbed, expectedOf };
}

export const make = (
  { descriptor, weights }: Subject,
  device: GPUDevice,
  options: Partial<ModelOptions> = {},
): Promise<Model> => createModel(descriptor, { device, weights, ...options });

export const bitsOf = (outputs: Outputs): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, bits(values)]));

/** The code of the error that ends some work, and null where it ends well. */
export const codeOf = (work: Promise<unknown>): Promise<ModelErrorCode | null> =>
  work.then(
    () => null,
    cause => cause.code ?? String(cause),
  );
