import { describe, expect, test } from "vitest";
import { loadDawn } from "../../src/node/gpu/dawn.ts";
import type { BufferDescriptor, Dispatch } from "../../src/runtime/descriptor.ts";
import type { Model } from "../../src/runtime/model.ts";
import { full } from "../support/full.ts";
import { adapter } from "../support/gpu.ts";
import {
  autoencoder,
  bitsOf,
  classifier,
  codeOf,
  cut,
  type Disturbed,
  disturbedDevice,
  features,
  make,
  type Subject,
  subjects,
} from "./disturbed.ts";
import { waited } from "./faults.ts";
import { nothingCompiled, overlaid } from "./support.ts";

const { disturbed, expectedOf } = await disturbedDevice();

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

describe.skipIf(adapter === null)("a caller's function in a creation", () => {
  const names = classifier.descriptor.params.map(({ name }) => name);
  const weightsBut = (name: string, act: () => unknown) => (asked: string) =>
    (asked === name ? act() : classifier.weights[asked]) as Float32Array;
  const thrown = new RangeError("the disk is gone");
  const fail = (): never => {
    throw thrown;
  };

  /** What ends the creation for a weight, and what it ends with. */
  const acts: Readonly<Record<string, (all: Disturbed, controller: AbortController) => readonly [unknown, unknown]>> = {
    throws: () => [fail, thrown],
    "gives a promise that is rejected": () => [() => Promise.reject(thrown), thrown],
    aborts: (_, controller) => [() => controller.abort(), { code: "aborted" }],
    "aborts, and never answers": (_, controller) => [
      () => {
        controller.abort();
        return new Promise(() => {});
      },
      { code: "aborted" },
    ],
    "never answers, while the device is lost": ({ lose }) => [
      () => {
        lose();
        return new Promise(() => {});
      },
      { code: "lost" },
    ],
    "answers, with an error, after an abort": (_, controller) => [
      () => {
        queueMicrotask(() => controller.abort());
        return new Promise((_, reject) => setTimeout(() => reject(thrown)));
      },
      { code: "aborted" },
    ],
  };
  test.each(Object.keys(acts))("R16: one for weights %s: nothing is left", async how => {
    for (const name of names) {
      const all = disturbed();
      const controller = new AbortController();
      const [act, end] = (acts[how] as (typeof acts)[string])(all, controller);
      const weights = weightsBut(name, act as () => unknown);
      const failure = await make(classifier, all.device, { weights, signal: controller.signal }).catch(cause => cause);
      expect(failure, name).toMatchObject(end as object);
      await new Promise(done => setTimeout(done));
      expect(all.depth()).toBe(0);
      expect(all.live(), name).toBe(0);
    }
  });

  test.each(names.map((_, at) => at))(
    "R16: onProgress throws, or aborts, at its call %i: nothing is left",
    async at => {
      const { device, depth, live } = disturbed();
      const controller = new AbortController();
      for (const [act, end] of [
        [fail, thrown],
        [() => controller.abort(), { code: "aborted" }],
      ] as const) {
        let calls = 0;
        const onProgress = () => {
          if (calls++ === at) act();
        };
        const made = make(classifier, device, { onProgress, signal: controller.signal });
        await expect(made).rejects.toMatchObject(end);
        await new Promise(done => setTimeout(done));
        expect(depth()).toBe(0);
        expect(live()).toBe(0);
      }
    },
  );
});

describe.skipIf(adapter === null)("an abort signal", () => {
  test("R16: stops the setup before a kernel that needs no parameter", async () => {
    const { buffers, setup } = classifier.descriptor;
    const last = setup.at(-1) as Dispatch;
    const isDerived = (index: number) => buffers[index]?.at === "derived";
    // Once more, into another buffer, from what is there by then.
    const bindings = last.bindings.map(index => (isDerived(index) ? buffers.length : index));
    const again = buffers[last.bindings.find(isDerived) as number] as BufferDescriptor;
    const more = { buffers: [...buffers, again], setup: [...setup, { ...last, bindings }] };
    const of = { ...classifier, descriptor: { ...classifier.descriptor, ...more } };
    for (let at = 0; at < of.descriptor.params.length; at++) {
      const { device, live } = disturbed();
      const controller = new AbortController();
      let calls = 0;
      const onProgress = () => {
        if (calls++ === at) controller.abort();
      };
      expect(await codeOf(make(of, device, { onProgress, signal: controller.signal }))).toBe("aborted");
      await new Promise(done => setTimeout(done));
      expect(live(), `call ${at}`).toBe(0);
    }
  });

  test("R16: has no listener when the work is over, however it ended", async () => {
    const listeners = new Set<() => void>();
    const signal = {
      aborted: false,
      addEventListener: (_: "abort", listener: () => void) => void listeners.add(listener),
      removeEventListener: (_: "abort", listener: () => void) => void listeners.delete(listener),
    };
    const { device, fail } = disturbed();
    const subject = await make(classifier, device, { signal });
    await subject.run(classifier.inputs(1), { signal });
    fail("createBuffer", 0, "out-of-memory");
    expect(await codeOf(subject.run(classifier.inputs(8), { signal }))).toBe("out-of-memory");
    expect(await codeOf(make(classifier, device, { signal, weights: {} }))).toBe("weights");
    await new Promise(done => setTimeout(done));
    expect(listeners.size).toBe(0);
    subject.dispose();
  });
});

test.skipIf(adapter === null)(
  "R44: however many models a device has had, it has one listener to its loss",
  async () => {
    const all = disturbed();
    let listeners = 0;
    // biome-ignore lint/suspicious/noThenProperty: what counts who listens
    const lost = { then: () => void listeners++ };
    const device = overlaid(all.device, { lost });
    for (let i = 0; i < 3; i++) (await make(classifier, device)).dispose();
    expect(listeners).toBe(1);
  },
);

/** Devices of Dawn's null backend, which do no work: made, and lost, in no time. */
async function shortLived(): Promise<GPUDevice> {
  const dawn = await loadDawn(["backend=null"]);
  const device = dawn.ok ? await (await dawn.value.requestAdapter())?.requestDevice() : null;
  if (!device) throw new Error("Dawn has no null backend");
  device.onuncapturederror = ({ error }) => {
    throw new Error(`an error that nobody caught: ${error.message}`);
  };
  return device;
}

describe.skipIf(adapter === null)("a device that is lost", () => {
  /** Everything ends with the one error, and nothing is left. */
  async function expectLost(subject: Model, of: Subject, { device, depth, live }: Disturbed): Promise<void> {
    expect(await codeOf(subject.run(of.inputs(1)))).toBe("lost");
    expect(await codeOf(subject.warmup())).toBe("lost");
    expect(() => subject.encode(device.createCommandEncoder(), {})).toThrow("the GPU device was lost");
    expect(await codeOf(make(of, device))).toBe("lost");
    expect(depth()).toBe(0);
    subject.dispose();
    expect(live()).toBe(0);
  }

  test.each(full ? subjects : [classifier, cut])("R12: before any call of two runs of $title", async of => {
    for (let after = 0, fired = true; fired; after++) {
      const gpu = await shortLived();
      const all = disturbed(gpu, nothingCompiled());
      const subject = await make(of, all.device);
      const interrupted = all.interrupt(after, () => gpu.destroy());
      const ends = await Promise.all([of.most, 1].map(batch => codeOf(subject.run(of.inputs(batch)))));
      fired = interrupted();
      // The first run may be over by then.
      expect(ends.at(-1), `call ${after}`).toBe(fired ? "lost" : null);
      expect(ends[0] === "lost" || ends[0] === null).toBe(true);
      if (fired) await expectLost(subject, of, all);
      else gpu.destroy();
    }
  });

  test.each(full ? [classifier, autoencoder] : [classifier])(
    "R12: before any call of the creation of $title",
    async of => {
      for (let after = 0, fired = true; fired; after++) {
        const gpu = await shortLived();
        const { device, interrupt, depth, live } = disturbed(gpu, nothingCompiled());
        const interrupted = interrupt(after, () => gpu.destroy());
        const code = await codeOf(make(of, device));
        fired = interrupted();
        expect(code, `call ${after}`).toBe(fired ? "lost" : null);
        expect(depth()).toBe(0);
        if (fired) expect(live(), `call ${after}`).toBe(0);
        gpu.destroy();
      }
    },
  );

  test("R12: which is told after a call has failed for it", async () => {
    const { device, fail, lose } = disturbed();
    let told = (): void => {};
    const onSubmittedWorkDone = async () => told();
    const late = overlaid(device, { queue: overlaid(device.queue, { onSubmittedWorkDone }) });
    const subject = await make(classifier, late);
    told = lose;
    fail("mapAsync", 0, "rejects");
    expect(await codeOf(subject.run(classifier.inputs(1)))).toBe("lost");
    subject.dispose();
  });

  test.each(waited.flatMap(call => [cut, features].map(of => ({ call, of, title: of.title }))))(
    "R12: leaves $call of $title without an answer, which nothing waits for",
    async ({ call, of }) => {
      for (let after = 0, hung = true; hung; after++) {
        const all = disturbed();
        const failed = all.fail(call, after, "hangs");
        const made = make(of, all.device);
        const runs = made.then(subject => Promise.all([1, 2].map(batch => codeOf(subject.run(of.inputs(batch))))));
        const ends = await runs.catch(cause => [cause.code]);
        hung = failed();
        expect(ends.at(-1), `${call} ${after}`).toBe(hung ? "lost" : null);
        const subject = await made.catch(() => null);
        if (subject && hung) await expectLost(subject, of, all);
        else subject?.dispose();
        expect(all.live(), `${call} ${after}`).toBe(0);
      }
    },
  );
});
