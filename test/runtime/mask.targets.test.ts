import { expect, test } from "vitest";
import { maskProblem, randomMask } from "../../src/runtime/mask.ts";
import { createModel } from "../../src/runtime/model.ts";
import { fcmaeInputs } from "../support/fcmae.ts";
import { adapter } from "../support/gpu.ts";
import { model, mustBuild, testWeights } from "../support/models.ts";
import { compiledWgsl } from "../support/wgsl.ts";
import { bits, newDevice, nothingCompiled, tamper } from "./support.ts";

const autoencoder = model({
  depths: [1],
  dims: [4],
  input: { height: 8, width: 16, channels: 1 },
  head: { kind: "fcmae", maskRatio: 0.6, patchSize: 4, decoder: { depth: 1, dim: 4 }, normPixLoss: true },
});
const [patches, keep] = [8, 3];

test.skipIf(adapter === null)("a mask that is none is an InputError before any GPU work", async () => {
  let submits = 0;
  const { device, made } = tamper(await newDevice(), nothingCompiled(), { submitted: () => submits++ });
  const weights = testWeights(mustBuild(autoencoder), 1);
  const descriptor = compiledWgsl({ model: autoencoder, batch: { min: 1, max: 3 } });
  const run = await createModel(descriptor, { device, weights: name => weights.f32(name) });
  const inputs = fcmaeInputs(autoencoder, 2, 1);
  const changed = (at: number, value: number) => inputs.mask.slice().fill(value, at, at + 1);
  const [removed, kept] = [inputs.mask.indexOf(1), inputs.mask.indexOf(0, patches)];
  const wrong: readonly (readonly [mask: unknown, message: string])[] = [
    [undefined, "no input 'mask' [N, 8]"],
    [[...inputs.mask], "input 'mask' is a Float32Array or a GPUBuffer"],
    [new Uint8Array(16), "input 'mask' is a Float32Array or a GPUBuffer"],
    [inputs.mask.slice(1), "input 'mask' has 15 values, not a multiple of 8: [N, 8]"],
    [inputs.mask.slice(0, patches), "the inputs hold different numbers of images"],
    [randomMask(1, { batch: 4, patches, keep }), "4 images"],
    [changed(removed, 0), "input 'mask': image 0 keeps 4 of 8 patches, this model keeps 3"],
    [changed(kept, 1), "input 'mask': image 1 keeps 2 of 8 patches, this model keeps 3"],
    [changed(kept, 0.5), `input 'mask': patch ${kept - patches} of image 1 is 0.5; 1 removes a patch, 0 keeps it`],
    [changed(removed, 2), `input 'mask': patch ${removed} of image 0 is 2;`],
    [changed(removed, -1), `patch ${removed} of image 0 is -1;`],
    [changed(removed, Number.NaN), `patch ${removed} of image 0 is NaN;`],
    [changed(removed, Number.POSITIVE_INFINITY), `patch ${removed} of image 0 is Infinity;`],
    [new Float32Array(16), "image 0 keeps 8 of 8"],
    [new Float32Array(16).fill(1), "image 0 keeps 0 of 8"],
  ];
  const before = [submits, made()];
  for (const [mask, message] of wrong) {
    const failure = await run.run({ pixel_values: inputs.pixel_values, mask } as never).catch(cause => cause);
    expect(failure).toMatchObject({ name: "InputError", code: "input" });
    expect(failure.message).toContain(message);
  }
  expect([submits, made()]).toEqual(before);

  // The next run is in order, and so is -0 for 0.
  const good = await run.run(inputs);
  expect(submits).toBeGreaterThan(before[0] as number);
  const signed = inputs.mask.map(value => (value === 0 ? -0 : 1));
  expect(bits((await run.run({ ...inputs, mask: signed })).pred)).toEqual(bits(good.pred));
  run.dispose();
});

test("randomMask keeps so many of each image, by seed, image and patch alone", () => {
  const drawn = randomMask(5, { batch: 4, patches: 49, keep: 19 });
  expect(maskProblem(drawn, { patches: 49, keep: 19 })).toBe(null);
  expect(randomMask(5, { batch: 2, patches: 49, keep: 19 })).toEqual(drawn.slice(0, 98));
  expect(randomMask(6, { batch: 4, patches: 49, keep: 19 })).not.toEqual(drawn);
  // More kept is the same and more.
  const more = randomMask(5, { batch: 4, patches: 49, keep: 20 });
  expect(more.every((value, i) => value <= (drawn[i] ?? 0))).toBe(true);
});
