import { describe, expect, test } from "vitest";
import { preprocessWgsl } from "../../src/emit/wgsl/preprocess.ts";
import { fitPicture } from "../../src/preprocess/fit.ts";
import { toBatch, toRgba } from "../../src/preprocess/picture.ts";
import { type ClassifierOptions, type ClassifierParts, createClassifier } from "../../src/runtime/classifier.ts";
import { createModel } from "../../src/runtime/model.ts";
import { topK } from "../../src/runtime/top-k.ts";
import { receiver, seededPicture } from "../preprocess/pictures.ts";
import { adapter } from "../support/gpu.ts";
import { classes, create, descriptor, sharedDevice, tensors } from "./support.ts";

const { device, counted } = await sharedDevice();
const size = { width: 12, height: 16 };
const model = receiver(size);

const parts: ClassifierParts = {
  descriptor,
  createModel: options => createModel(descriptor, options),
  preprocessing: { name: "tiny", ...size, code: preprocessWgsl(model) },
  topK: (logits, k) => topK(logits, { classes, labels: null, problem: "single_label" }, k),
  withoutWebgpu: () => Promise.reject(new Error("nobody asked for it")),
};
const pictures = [4, 5, 6, 7].map(seed => seededPicture(seed, { width: 9 + seed, height: 40 - seed }));
const images = pictures.map(picture => ({ ...picture, data: toRgba(picture) }));
const make = (on: GPUDevice, more: Partial<ClassifierParts> = {}, options: Partial<ClassifierOptions> = {}) =>
  createClassifier({ ...parts, ...more }, { device: on, weights: tensors, ...options });

describe.skipIf(adapter === null)("a classifier on a device of the caller's", () => {
  test("makes of pictures what the model makes of them fitted, three at a time", async () => {
    const classifier = await make(device as GPUDevice);
    const alone = await create(device as GPUDevice);
    const answers = await classifier.classify(images, { topK: classes });
    for (const [n, picture] of pictures.entries()) {
      const pixel_values = toBatch([fitPicture(picture, model)], model.preprocess);
      const { logits = new Float32Array() } = await alone.run({ pixel_values });
      for (const { class: index, logit } of answers[n] ?? []) expect(logit).toBeCloseTo(logits[index] ?? Number.NaN, 3);
      expect(await classifier.classify(images[n] as (typeof images)[number])).toEqual(answers[n]?.slice(0, 5));
    }
    classifier.dispose();
    alone.dispose();
  });

  test("leaves nothing and frees no device: when it ends, when it is aborted, when pictures or a part of it fail", async () => {
    const { device: own, live } = counted();
    const settled = () => new Promise(done => setTimeout(done, 20));

    const classifier = await make(own);
    const loaded = live();
    await expect(classifier.classify([images[0], null] as never)).rejects.toMatchObject({ code: "input" });
    expect(live()).toBe(loaded);
    const controller = new AbortController();
    const aborted = classifier.classify(images, { signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect((await classifier.classify(images)).length).toBe(images.length);
    classifier.dispose();
    classifier.dispose();
    expect(live()).toBe(0);
    await expect(classifier.classify(images)).rejects.toMatchObject({ code: "disposed" });

    const broken = { ...parts.preprocessing, code: "fn across() {" };
    await expect(make(own, { preprocessing: broken })).rejects.toMatchObject({ code: "shader" });
    await settled();
    await expect(make(own, {}, { weights: {} })).rejects.toMatchObject({ code: "weights" });
    const stopped = new AbortController();
    const made = make(own, {}, { signal: stopped.signal });
    stopped.abort();
    await expect(made).rejects.toMatchObject({ code: "aborted" });
    await settled();
    expect(live()).toBe(0);

    const after = await make(own);
    expect((await after.classify(images)).length).toBe(images.length);
    after.dispose();
  });
});
