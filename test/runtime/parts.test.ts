import { describe, expect, test } from "vitest";
import { choices } from "../../src/model/choices.ts";
import type { ModelDescriptor, Step } from "../../src/runtime/descriptor.ts";
import { aimMs, type Pace, pace } from "../../src/runtime/pace.ts";
import { cutter, type Part, wholes } from "../../src/runtime/parts.ts";
import { adapter } from "../support/gpu.ts";
import {
  bits,
  classes,
  create,
  descriptor,
  imageSize,
  images,
  newDevice,
  nothingCompiled,
  overlaid,
  tamper,
} from "./support.ts";

const step = (grid: readonly [number, number], work: number, perImage = true): Step => ({
  label: "",
  kernel: 0,
  bindings: [],
  grid,
  perImage,
  work,
});

const cutsOf = (steps: readonly Step[], batch: number, budget: () => number) => {
  const next = cutter(steps, batch, (_, work) => work);
  const cuts = [];
  for (let cut = next(budget()); cut !== null; cut = next(budget())) cuts.push(cut);
  return cuts;
};

/** The workgroups of parts, as `step x y z`. */
const groupsIn = (parts: readonly Part[]): readonly string[] =>
  parts.flatMap(({ step, first, size }) => {
    const all: string[] = [];
    for (let z = 0; z < size[2]; z++)
      for (let y = 0; y < size[1]; y++)
        for (let x = 0; x < size[0]; x++) all.push(`${step} ${first[0] + x} ${first[1] + y} ${first[2] + z}`);
    return all;
  });

describe("what is submitted at a time", () => {
  test.each([1, 2, 3, 4, 5, 6])("is every workgroup once, in the order of the steps, %i", seed => {
    const { int } = choices(seed);
    const steps = Array.from({ length: 12 }, () => step([int(1, 9), int(1, 200)], int(0, 5000), int(0, 3) > 0));
    const batch = int(1, 5);
    const cuts = cutsOf(steps, batch, () => int(1, 4000));
    const parts = cuts.flatMap(cut => cut.parts);
    expect(parts.map(part => part.step)).toEqual(parts.map(part => part.step).sort((a, b) => a - b));
    const found = groupsIn(parts);
    expect(new Set(found).size).toBe(found.length);
    expect(found.toSorted()).toEqual(groupsIn(wholes(steps, batch)).toSorted());
    expect(cuts.map(cut => cut.isLast)).toEqual(cuts.map((_, i) => i === cuts.length - 1));
  });

  test("is no more than asked for, wherever a dispatch can be cut", () => {
    const steps = [step([4, 60], 600), step([1, 1], 50), step([7, 7], 490), step([1, 1], 5000)];
    for (const batch of [1, 3]) {
      const cuts = cutsOf(steps, batch, () => 100);
      for (const { guessed, parts } of cuts) {
        const [part] = parts as [Part];
        // One workgroup cannot be cut, nor a line of them along the shortest side.
        expect(guessed <= 100 || (parts.length === 1 && part.size.filter(size => size === 1).length >= 2)).toBe(true);
      }
      const total = steps.reduce((sum, { work }) => sum + (work ?? 0) * batch, 0);
      expect(cuts.reduce((sum, { guessed }) => sum + guessed, 0)).toBeCloseTo(total, 6);
    }
  });

  test("is whole dispatches where they fit, and all of them where all fit", () => {
    const steps = [step([4, 60], 60), step([1, 9], 60), step([8, 8], 60)];
    expect(cutsOf(steps, 1, () => 100).map(({ parts }) => parts.map(part => part.step))).toEqual([[0], [1], [2]]);
    expect(cutsOf(steps, 1, () => 130).map(({ parts }) => parts.map(part => part.step))).toEqual([[0, 1], [2]]);
    expect(cutsOf(steps, 1, () => 180)).toEqual([{ parts: wholes(steps, 1), guessed: 180, isLast: true }]);
  });

  test("ends with a dispatch, where its rows are no multiple of those that are cut off at once", () => {
    const steps = [step([2, 99], 1e6), step([3, 5], 1e6, false)];
    for (const budget of [1, 9_000, 15_000, 25_000, 200_000]) {
      const parts = cutsOf(steps, 2, () => budget).flatMap(cut => cut.parts);
      expect(groupsIn(parts).toSorted()).toEqual(groupsIn(wholes(steps, 2)).toSorted());
    }
  });

  test("begins at few places, however often the pace changes", () => {
    const { int } = choices(1);
    const firsts = new Set<string>();
    for (let run = 0; run < 200; run++)
      for (const { parts } of cutsOf([step([3, 5000], 1e6)], 1, () => int(1, 1e6)))
        for (const { first } of parts) firsts.add(`${first}`);
    expect(firsts.size).toBeLessThanOrEqual(64);
  });
});

/** Runs a pass as the runtime does, on a device of so much work a millisecond by kernel; how long each submit takes. */
function simulated({ guess, took }: Pace, steps: readonly Step[], rates: readonly number[]): readonly number[] {
  const next = cutter(steps, 1, guess);
  const times: number[] = [];
  for (let cut = next(aimMs); cut !== null; cut = next(aimMs)) {
    const kernels = cut.parts.map(({ step }) => (steps[step] as Step).kernel);
    const work = cut.parts.map(({ step, size }, i) => {
      const { grid, work = 0 } = steps[step] as Step;
      return (work * size[0] * size[1]) / (grid[0] * grid[1]) / (rates[kernels[i] as number] as number);
    });
    const time = 0.5 + work.reduce((sum, each) => sum + each, 0);
    took(kernels, cut.guessed, time);
    times.push(time);
  }
  return times;
}

describe("the pace of submits", () => {
  const { int } = choices(3);
  const kernels = 12;
  const steps = Array.from({ length: 60 }, (_, i) => ({
    ...step([4, int(20, 200)], i % 3 === 0 ? 2e7 : 2e8),
    kernel: i % kernels,
  }));
  const all = (rate: number): readonly number[] => new Array<number>(kernels).fill(rate);

  test.each([
    ["a software adapter", 1e6, 2],
    ["a slow one", 2e5, 2],
    ["one that runs kernels unlike each other", 1e6, 12],
  ])("keeps all of %s below 100 ms, after the first pass", (_, rate, spread) => {
    const { int } = choices(4);
    const rates = all(0).map(() => (rate * int(100, 100 * spread)) / 100);
    const kept = pace();
    simulated(kept, steps, rates);
    const later = [1, 2, 3].flatMap(() => simulated(kept, steps, rates));
    expect(Math.max(...later)).toBeLessThan(60);
    // Nor are there more than it takes.
    const whole = steps.reduce((sum, { work, kernel }) => sum + (work ?? 0) / (rates[kernel] as number), 0);
    expect(later.length / 3).toBeLessThan(Math.ceil(whole / 10));
  });

  test("of a GPU is a pass at a time after the first", () => {
    const kept = pace();
    expect(simulated(kept, steps, all(5e9)).length).toBeLessThan(8);
    for (let run = 0; run < 20; run++) expect(simulated(kept, steps, all(5e9)).length).toBe(1);
  });

  test("is found again after a slow moment", () => {
    const kept = pace();
    simulated(kept, steps, all(5e9));
    for (let run = 0; run < 3; run++) simulated(kept, steps, all(1e6));
    expect(simulated(kept, steps, all(1e6)).length).toBeGreaterThan(20);
    for (let run = 0; run < 5; run++) simulated(kept, steps, all(5e9));
    expect(simulated(kept, steps, all(5e9)).length).toBe(1);
  });
});

describe.skipIf(adapter === null)("R42: a run that takes long", () => {
  /** The same work, told to be so much that all of it has to be cut. */
  const long: ModelDescriptor = {
    ...descriptor,
    steps: descriptor.steps.map(each => ({ ...each, work: (each.work ?? 0) * 1e9 })),
  };

  /** A device whose work takes a while to be done, so that the pace stays what it was. */
  function slow(gpu: GPUDevice, submitted: () => void): GPUDevice {
    const { device } = tamper(gpu, nothingCompiled(), { submitted });
    const { queue } = device;
    // One after the other, as a GPU works: what takes a while is the work, not the way to it.
    let last: Promise<unknown> = Promise.resolve();
    const onSubmittedWorkDone = async () => {
      const before = last;
      last = (async () => {
        await Promise.all([before, queue.onSubmittedWorkDone()]);
        await new Promise(done => setTimeout(done, 40));
      })();
      await last;
    };
    return overlaid(device, { queue: overlaid(queue, { onSubmittedWorkDone }) });
  }

  test("is submitted in parts, which give the same bits", async () => {
    let submits = 0;
    const device = slow(await newDevice(), () => submits++);
    const [usual, cut] = [await create(device), await create(device, { descriptor: long })];
    for (const batch of [1, 3]) {
      const expected = await usual.run({ pixel_values: images(batch) });
      submits = 0;
      const found = await cut.run({ pixel_values: images(batch) });
      expect(submits).toBeGreaterThan(2 * descriptor.steps.length);
      expect(bits(found.logits)).toEqual(bits(expected.logits));
    }
  });

  test("leaves the memory of a caller's own submits alone, and theirs its", async () => {
    let between = (): void => {};
    const device = slow(await newDevice(), () => between());
    const cut = await create(device, { descriptor: long });
    const [expected] = [await cut.run({ pixel_values: images(1) })];
    const [input, logits] = [4 * imageSize, 4 * classes].map(size => device.createBuffer({ size, usage: 0x8c }));
    device.queue.writeBuffer(input as GPUBuffer, 0, images(1, 7));
    let others = 0;
    between = () => {
      between = () => {};
      const encoder = device.createCommandEncoder();
      cut.encode(encoder, { pixel_values: input as GPUBuffer, logits: logits as GPUBuffer });
      device.queue.submit([encoder.finish()]);
      others++;
    };
    const found = await cut.run({ pixel_values: images(1) });
    expect(others).toBe(1);
    expect(bits(found.logits)).toEqual(bits(expected?.logits));
  });

  test("stops between two parts when it is aborted", async () => {
    const controller = new AbortController();
    let submits = Number.NEGATIVE_INFINITY;
    const device = slow(await newDevice(), () => {
      if (++submits === 3) controller.abort();
    });
    const cut = await create(device, { descriptor: long });
    submits = 0;
    const run = cut.run({ pixel_values: images(1) }, { signal: controller.signal });
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
    await new Promise(done => setTimeout(done, 200));
    expect(submits).toBe(3);
    const other = await cut.run({ pixel_values: images(1) });
    expect(other.logits?.every(Number.isFinite)).toBe(true);
  });
});
