import { describe, expect, test } from "vitest";
import type { ModelErrorCode } from "../../src/runtime/errors.ts";
import { adapter } from "../support/gpu.ts";
import { autoencoder, bitsOf, classifier, codeOf, cut, disturbedDevice, make, subjects } from "./disturbed.ts";
import { type Call, faults, type Way } from "./faults.ts";
import { overlaid } from "./support.ts";

const { disturbed, expectedOf } = await disturbedDevice();

/** What a failing call ends with. */
function codeFor(call: Call, way: Exclude<Way, "hangs">): ModelErrorCode {
  if (way === "rejects") return call === "mapAsync" ? "out-of-memory" : "shader";
  return way === "validation" ? "shader" : "out-of-memory";
}

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
          expect(code, where).toBe(codeFor(call, way));
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

  test("R44: a model that grew holds no more than one that began as large", async () => {
    const [grown, large] = [disturbed(), disturbed()];
    const models = [await make(classifier, grown.device), await make(classifier, large.device)] as const;
    for (const batch of [1, 3, 8]) await models[0].run(classifier.inputs(batch));
    await models[1].run(classifier.inputs(8));
    expect(grown.live()).toBe(large.live());
    for (const each of models) each.dispose();
  });

  test("R10: a creation that a kernel ends leaves no other kernel under way", async () => {
    const { device } = disturbed();
    let [calls, pending] = [0, 0];
    const createComputePipelineAsync = async () => {
      if (calls++ === 0) throw new Error("rejected at once");
      pending++;
      await new Promise(done => setTimeout(done, 20));
      pending--;
    };
    expect(await codeOf(make(classifier, overlaid(device, { createComputePipelineAsync })))).toBe("shader");
    expect(calls).toBeGreaterThan(1);
    expect(pending).toBe(0);
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
          expect(code, where).toBe(codeFor(call, way));
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
