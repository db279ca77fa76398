import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Model as Spec } from "../../src/model/model.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import type { ModelErrorCode } from "../../src/runtime/errors.ts";
import { createModel, type Model, type ModelOptions } from "../../src/runtime/model.ts";
import { fcmaeInputs } from "../support/fcmae.ts";
import { adapter, testDevice } from "../support/gpu.ts";
import { model, mustBuild, testInput, testWeights } from "../support/models.ts";
import { compiledWgsl } from "../support/wgsl.ts";
import { type Faulty, faults, faulty, type Way } from "./faults.ts";
import { bits, nothingCompiled, type Tampered, tamper, tiny } from "./support.ts";

type Inputs = Readonly<Record<string, Float32Array<ArrayBuffer>>>;
type Outputs = Readonly<Record<string, Float32Array>>;

/** A model to be disturbed, which runs 1 to `most` images. */
interface Subject {
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

const classifier = await subject("a classifier", tiny, 8);
const features = await subject("features", tiny, 3, ["stages.0"]);
const autoencoder = await subject(
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
const cut: Subject = {
  ...classifier,
  title: "a run in parts",
  descriptor: {
    ...classifier.descriptor,
    steps: classifier.descriptor.steps.map(step => ({ ...step, work: 1e8 })),
  },
  most: 2,
};
const subjects = [classifier, features, autoencoder, cut];

/** A GPU that others see nothing of; pipelines are made once for all its forms. */
const real = adapter === null ? null : await testDevice();
const compiled = nothingCompiled();
const stray: string[] = [];
if (real)
  real.onuncapturederror = event => {
    stray.push(event.error.message);
  };
afterEach(() => expect(stray).toEqual([]));
afterAll(() => real?.destroy());

interface Disturbed extends Faulty, Pick<Tampered, "live"> {}

function disturbed(gpu: GPUDevice = real as GPUDevice): Disturbed {
  const { device, live } = tamper(gpu, compiled);
  return { ...faulty(device), live };
}

const make = (
  { descriptor, weights }: Subject,
  device: GPUDevice,
  options: Partial<ModelOptions> = {},
): Promise<Model> => createModel(descriptor, { device, weights, ...options });

const bitsOf = (outputs: Outputs): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, bits(values)]));

/** What an undisturbed model gives for 1, 2, ... images. */
async function expectedOf(of: Subject): Promise<readonly Readonly<Record<string, Uint8Array>>[]> {
  const calm = await make(of, disturbed().device);
  const expected = [];
  for (let batch = 1; batch <= of.most; batch++) expected.push(bitsOf(await calm.run(of.inputs(batch))));
  calm.dispose();
  return expected;
}

/** The code of the error that ends some work, and null where it ends well. */
const codeOf = (work: Promise<unknown>): Promise<ModelErrorCode | null> =>
  work.then(
    () => null,
    cause => cause.code ?? String(cause),
  );

const codes: Readonly<Record<Way, readonly ModelErrorCode[]>> = {
  "out-of-memory": ["out-of-memory"],
  validation: ["shader"],
  throws: ["out-of-memory"],
  rejects: ["out-of-memory", "shader"],
};

/** Of runs, which compile nothing. */
const faultsOfRuns = faults.filter(({ call }) => !/Module|Pipeline/.test(call));

describe.skipIf(adapter === null)("a call that fails", () => {
  test.each(subjects.flatMap(of => faultsOfRuns.map(fault => ({ ...fault, of, title: of.title }))))(
    "R09: $call $way in a run of $title: wherever it is, later runs are right",
    async ({ of, call, way }) => {
      const expected = await expectedOf(of);
      const { device, fail, depth, live } = disturbed();
      let count = 0;
      for (let fired = true; fired; count++) {
        const subject = await make(of, device);
        // A first run fails, which is the one in most parts, or one of more images than before.
        if (count % 2 === 0 && of !== cut) expect(bitsOf(await subject.run(of.inputs(1)))).toEqual(expected[0]);
        const before = live();
        const failed = fail(call, count, way);
        const code = await codeOf(subject.run(of.inputs(of.most)));
        fired = failed();
        const where = `${call} ${count}`;
        if (fired) {
          expect(codes[way], where).toContain(code);
          expect(live(), where).toBeLessThanOrEqual(before);
        } else expect(code, where).toBe(null);
        expect(depth(), where).toBe(0);
        for (const batch of [1, of.most, 2]) {
          const outputs = await subject.run(of.inputs(batch));
          expect(bitsOf(outputs), `${where}, then ${batch} images`).toEqual(expected[batch - 1]);
        }
        subject.dispose();
        expect(live(), where).toBe(0);
      }
      // Only a run in parts waits for the device before its end.
      if (call !== "onSubmittedWorkDone" || of === cut) expect(count).toBeGreaterThan(1);
    },
  );

  test("R09: a run of 8 images has no memory: runs of 1 to 7 go on, and of 8 when there is some again", async () => {
    const expected = await expectedOf(classifier);
    const { device, fail } = disturbed();
    for (let after = 0; after < 5; after++) {
      const subject = await make(classifier, device);
      fail("createBuffer", after, "out-of-memory");
      expect(await codeOf(subject.run(classifier.inputs(8)))).toBe("out-of-memory");
      for (let batch = 1; batch <= 8; batch++)
        expect(bitsOf(await subject.run(classifier.inputs(batch)))).toEqual(expected[batch - 1]);
      subject.dispose();
    }
  });

  const inCreation = faults.filter(({ call }) => call !== "mapAsync" && call !== "getMappedRange");
  test.each([classifier, autoencoder].flatMap(of => inCreation.map(fault => ({ ...fault, of, title: of.title }))))(
    "R09: $call $way in the creation of $title: wherever it is, nothing is left and the next model is right",
    async ({ of, call, way }) => {
      const [first] = await expectedOf(of);
      const { device, fail, depth, live } = disturbed();
      let count = 0;
      for (let fired = true; fired; count++) {
        const failed = fail(call, count, way);
        const made = make(of, device);
        const code = await codeOf(made);
        fired = failed();
        const where = `${call} ${count}`;
        expect(depth(), where).toBe(0);
        if (fired) {
          expect(codes[way], where).toContain(code);
          expect(live(), where).toBe(0);
        } else expect(code, where).toBe(null);
        const next = fired ? await make(of, device) : await made;
        expect(bitsOf(await next.run(of.inputs(1)))).toEqual(first);
        next.dispose();
        expect(live(), where).toBe(0);
      }
      expect(count).toBeGreaterThan(1);
    },
  );

  test("R09: one of several runs at once fails alone, and so does one of two models", async () => {
    const expected = await expectedOf(classifier);
    const { device, fail, depth } = disturbed();
    const [one, other] = [await make(classifier, device), await make(classifier, device)];
    fail("createBuffer", 4, "out-of-memory");
    const runs = [1, 8, 2, 3].map(batch => one.run(classifier.inputs(batch)));
    const others = [8, 1].map(batch => other.run(classifier.inputs(batch)));
    const ends = await Promise.allSettled([...runs, ...others]);
    const batches = [1, 8, 2, 3, 8, 1];
    expect(ends.filter(end => end.status === "rejected").length).toBe(1);
    for (const [i, end] of ends.entries()) {
      if (end.status === "rejected") expect(end.reason.code).toBe("out-of-memory");
      else expect(bitsOf(end.value)).toEqual(expected[(batches[i] as number) - 1]);
    }
    expect(depth()).toBe(0);
    for (const each of [one, other]) each.dispose();
  });
});

describe.skipIf(adapter === null)("an end that comes before any call", () => {
  test.each(subjects)("R16: a run of $title that is aborted leaves nothing", async of => {
    const expected = await expectedOf(of);
    const { device, interrupt, depth, live } = disturbed();
    for (let after = 0, fired = true; fired; after++) {
      const subject = await make(of, device);
      const loaded = live();
      const controller = new AbortController();
      const interrupted = interrupt(after, () => controller.abort());
      const code = await codeOf(subject.run(of.inputs(of.most), { signal: controller.signal }));
      fired = interrupted();
      expect(code, `call ${after}`).toBe(fired ? "aborted" : null);
      // What is under way goes on until its end.
      expect(bitsOf(await subject.run(of.inputs(2)))).toEqual(expected[1]);
      expect(depth()).toBe(0);
      expect(live()).toBeGreaterThan(loaded);
      subject.dispose();
      expect(live(), `call ${after}`).toBe(0);
    }
  });

  test.each(subjects)("R14: a model of $title that is disposed of leaves nothing", async of => {
    const { device, interrupt, depth, live } = disturbed();
    for (let after = 0, fired = true; fired; after++) {
      const subject = await make(of, device);
      const interrupted = interrupt(after, subject.dispose);
      const runs = [of.most, 1].map(batch => subject.run(of.inputs(batch)));
      const ends = await Promise.all(runs.map(codeOf));
      fired = interrupted();
      // The first run may be over by then.
      expect(ends.at(-1), `call ${after}`).toBe(fired ? "disposed" : null);
      await device.queue.onSubmittedWorkDone();
      await new Promise(done => setTimeout(done));
      expect(depth()).toBe(0);
      if (fired) expect(live(), `call ${after}`).toBe(0);
      else subject.dispose();
    }
  });

  test.each([classifier, autoencoder])("R16: the creation of $title that is aborted leaves nothing", async of => {
    const { device, interrupt, depth, live } = disturbed();
    for (let after = 0, fired = true; fired; after++) {
      const controller = new AbortController();
      const interrupted = interrupt(after, () => controller.abort());
      const made = make(of, device, { signal: controller.signal });
      const code = await codeOf(made);
      fired = interrupted();
      expect(code, `call ${after}`).toBe(fired ? "aborted" : null);
      if (!fired) (await made).dispose();
      // What was under way ends as well.
      await device.queue.onSubmittedWorkDone();
      await new Promise(done => setTimeout(done));
      expect(depth()).toBe(0);
      expect(live(), `call ${after}`).toBe(0);
    }
  });
});
