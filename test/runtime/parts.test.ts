import { describe, expect, test } from "vitest";
import { choices } from "../../src/model/choices.ts";
import type { ModelDescriptor, Step } from "../../src/runtime/descriptor.ts";
import { pace } from "../../src/runtime/pace.ts";
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
  const next = cutter(steps, batch);
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
      for (const { work, parts } of cuts) {
        const [part] = parts as [Part];
        // One workgroup cannot be cut, nor one row of them across the longest side.
        expect(work <= 100 || (parts.length === 1 && Math.min(...part.size) >= 1 && part.step !== 0)).toBe(true);
      }
      const total = steps.reduce((sum, { work }) => sum + (work ?? 0) * batch, 0);
      expect(cuts.reduce((sum, { work }) => sum + work, 0)).toBeCloseTo(total, 6);
    }
  });

  test("is whole dispatches where they fit, and all of them where all fit", () => {
    const steps = [step([4, 60], 60), step([1, 9], 60), step([8, 8], 60)];
    expect(cutsOf(steps, 1, () => 100).map(({ parts }) => parts.map(part => part.step))).toEqual([[0], [1], [2]]);
    expect(cutsOf(steps, 1, () => 130).map(({ parts }) => parts.map(part => part.step))).toEqual([[0, 1], [2]]);
    expect(cutsOf(steps, 1, () => 180)).toEqual([{ parts: wholes(steps, 1), work: 180, isLast: true }]);
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

/** Runs a pass as the runtime does, on a device of so much work a millisecond by step; how long each submit takes. */
function simulated({ budget, took }: ReturnType<typeof pace>, steps: readonly Step[], rates: readonly number[]) {
  const next = cutter(steps, 1);
  const times: number[] = [];
  for (let cut = next(budget()); cut !== null; cut = next(budget())) {
    const work = cut.parts.map(({ step, size }) => {
      const whole = steps[step] as Step;
      return ((whole.work ?? 0) * size[0] * size[1]) / (whole.grid[0] * whole.grid[1]) / (rates[step] as number);
    });
    const time = 0.5 + work.reduce((sum, each) => sum + each, 0);
    took(cut.work, time);
    times.push(time);
  }
  return times;
}

describe("the pace of submits", () => {
  const { int } = choices(3);
  const steps = Array.from({ length: 60 }, (_, i) => step([4, int(20, 200)], i % 3 === 0 ? 2e7 : 2e8));

  test.each([
    ["a software adapter", 1e6, 2],
    ["a slow one", 2e5, 2],
    ["one that runs kernels unlike each other", 1e6, 3],
  ])("keeps all of %s below 100 ms, after the first of all", (_, rate, spread) => {
    const { int } = choices(4);
    const rates = steps.map(() => (rate * int(100, 100 * spread)) / 100);
    const kept = pace();
    const first = simulated(kept, steps, rates);
    const later = [1, 2, 3].flatMap(() => simulated(kept, steps, rates));
    expect(Math.max(...first.slice(1), ...later)).toBeLessThan(100);
    // Nor are there more than it takes.
    const whole = steps.reduce((sum, { work }, i) => sum + (work ?? 0) / (rates[i] as number), 0);
    expect(later.length / 3).toBeLessThan(Math.ceil(whole / 15));
  });

  test("of a GPU is a pass at a time after the first", () => {
    const rates = steps.map(() => 5e9);
    const kept = pace();
    expect(simulated(kept, steps, rates).length).toBeLessThan(6);
    for (let run = 0; run < 20; run++) expect(simulated(kept, steps, rates).length).toBe(1);
  });

  test("is found again after a slow moment", () => {
    const kept = pace();
    simulated(
      kept,
      steps,
      steps.map(() => 5e9),
    );
    simulated(
      kept,
      steps,
      steps.map(() => 1e6),
    );
    expect(
      simulated(
        kept,
        steps,
        steps.map(() => 1e6),
      ).length,
    ).toBeGreaterThan(20);
    for (let run = 0; run < 4; run++)
      simulated(
        kept,
        steps,
        steps.map(() => 5e9),
      );
    expect(
      simulated(
        kept,
        steps,
        steps.map(() => 5e9),
      ).length,
    ).toBe(1);
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
    const onSubmittedWorkDone = async () => {
      await queue.onSubmittedWorkDone();
      await new Promise(done => setTimeout(done, 40));
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
