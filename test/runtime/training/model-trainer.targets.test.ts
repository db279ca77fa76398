import { describe, expect, test } from "vitest";
import { createModel } from "../../../src/runtime/model.ts";
import { adapter } from "../../support/gpu.ts";
import { bits, newDevice, overlaid, sharedDevice } from "../support.ts";
import { batch, entries, learnable, stateOf, tensors, trainer } from "./support.ts";

const { device, counted } = await sharedDevice();
const lr = 1e-2;

/** A device on which results come late in buffers of that name. */
function slowly(name: string, wait: () => Promise<unknown>, gpu = counted().device): GPUDevice {
  return overlaid(gpu, {
    createBuffer: (wanted: GPUBufferDescriptor) => {
      const buffer = gpu.createBuffer(wanted);
      if (!wanted.label?.includes(name)) return buffer;
      const map = buffer.mapAsync.bind(buffer);
      Object.defineProperty(buffer, "mapAsync", {
        value: async (...given: Parameters<typeof map>) => {
          const late = wait();
          await map(...given);
          await late;
        },
      });
      return buffer;
    },
  });
}

describe.skipIf(adapter === null)("steps", () => {
  test("are their two halves, and micro-batches of half a share each are one of both", async () => {
    const gpu = counted().device;
    const [steps, halves, micro] = [
      await trainer(gpu),
      await trainer(gpu),
      await trainer(gpu, { optimizer: { clip: null } }),
    ];
    for (const seed of [1, 2]) {
      const stepped = await steps.step(batch(2, seed), { lr });
      expect(stepped).toEqual({
        loss: await halves.accumulate(batch(2, seed)),
        ...(await halves.update({ lr })),
      });
      expect(stepped).toMatchObject({ skipped: false });
    }
    expect([...(await stateOf(steps))]).toEqual([...(await stateOf(halves))]);
    expect(steps.updates()).toBe(2);

    const whole = await trainer(gpu, { optimizer: { clip: null } });
    const images = batch(2, 3);
    const half = (i: number) =>
      Object.fromEntries(
        Object.entries(images).map(([name, all]) => [
          name,
          all.subarray((i * all.length) / 2, ((i + 1) * all.length) / 2),
        ]),
      );
    const losses = [await micro.accumulate(half(0), 0.5), await micro.accumulate(half(1), 0.5)];
    const loss = await whole.accumulate(images);
    expect((losses[0] ?? 0) / 2 + (losses[1] ?? 0) / 2).toBeCloseTo(loss, 5);
    const [found, wanted] = [await micro.gradients("head.weight"), await whole.gradients("head.weight")];
    expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(1e-3);
    for (const [i, gradient] of wanted.entries()) expect(found[i]).toBeCloseTo(gradient, 6);
    const { gradNorm } = await whole.update({ lr });
    expect(gradNorm).toBeGreaterThan(Math.hypot(...wanted));
    for (const each of [steps, halves, micro, whole]) each.dispose();
  });

  test("are as the recipe says, or as they are told", async () => {
    const gpu = counted().device;
    const [plain, firm] = [await trainer(gpu), await trainer(gpu, { optimizer: { weightDecay: 0 } })];
    for (const each of [plain, firm]) await each.step(batch(1, 1), { lr });
    const [decayed, kept] = [await stateOf(plain), await stateOf(firm)];
    expect(decayed.get("head.bias")).toEqual(kept.get("head.bias"));
    const [weight, before] = [decayed.get("head.weight") as Float32Array, tensors["head.weight"] as Float32Array];
    const less = weight.map((value, i) => value - (kept.get("head.weight")?.[i] ?? 0));
    for (const [i, difference] of less.entries()) expect(difference).toBeCloseTo(-lr * 0.3 * (before[i] ?? 0), 6);
    for (const each of [plain, firm]) each.dispose();
  });

  test("that are asked for together give what they give one by one, and one that is skipped is none", async () => {
    let delay = 0;
    const gpu = slowly("read", () => new Promise(resolve => setTimeout(resolve, delay)));
    const [one, together] = [await trainer(gpu), await trainer(gpu)];
    const broken = { ...batch(1, 1), pixel_values: batch(1, 1).pixel_values.with(5, Number.NaN) };
    const steps = [batch(1, 1), broken, batch(3, 2), batch(2, 3)];
    // So late that the next pass is over: whether a step was skipped decides how the next one counts.
    delay = 100;
    const found = await Promise.all(steps.map(inputs => together.step(inputs, { lr })));
    delay = 0;
    const wanted = [];
    for (const inputs of steps) wanted.push(await one.step(inputs, { lr }));
    expect(found).toEqual(wanted);
    expect(found.map(({ skipped }) => skipped)).toEqual([false, true, false, false]);
    expect([...(await stateOf(together))]).toEqual([...(await stateOf(one))]);
    expect(together.updates()).toBe(3);

    const without = await trainer(gpu);
    for (const inputs of steps.filter(inputs => inputs !== broken)) await without.step(inputs, { lr });
    expect([...(await stateOf(without))]).toEqual([...(await stateOf(one))]);
    for (const each of [one, together, without]) each.dispose();
  });

  test("are two at a time under way: the next one's pass waits for no loss, the one after it does", async () => {
    let passes = 0;
    let release = (): void => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const slow = slowly("result loss", () => {
      passes++;
      return held;
    });
    const learning = await trainer(slow);
    let settled = 0;
    const steps = [1, 2, 3, 4].map(async seed => {
      await learning.step(batch(1, seed), { lr });
      settled++;
    });
    while (passes < 2) await new Promise(resolve => setTimeout(resolve, 1));
    await device?.queue.onSubmittedWorkDone();
    await new Promise(resolve => setTimeout(resolve, 50));
    expect([passes, settled]).toEqual([2, 0]);
    release();
    await Promise.all(steps);
    expect([passes, settled]).toEqual([4, 4]);
    learning.dispose();
  });

  test("R17, R48: with bad inputs change nothing", async () => {
    const learning = await trainer(counted().device);
    await expect(learning.update({ lr })).rejects.toThrow("an update needs gradients");
    await expect(learning.gradients("head.bias")).rejects.toThrow("no gradients before the first step");
    const before = [...(await stateOf(learning))];
    const bad = [
      learning.step({ pixel_values: batch(1, 1).pixel_values }, { lr }),
      learning.step(batch(4, 1), { lr }),
      learning.step(batch(1, 1), { lr: Number.NaN }),
      learning.accumulate(batch(1, 1), 0),
      learning.update({ lr: -1 }),
    ];
    for (const call of bad) await expect(call).rejects.toMatchObject({ name: "InputError" });
    expect([...(await stateOf(learning))]).toEqual(before);
    await learning.step(batch(1, 1), { lr });
    await expect(learning.gradients("head.bia")).rejects.toMatchObject({ name: "InputError" });
    learning.dispose();
  });
});

describe.skipIf(adapter === null)("a state", () => {
  test("goes on with the same bits", async () => {
    const gpu = counted().device;
    const [long, resumed] = [await trainer(gpu), await trainer(gpu)];
    for (const seed of [1, 2]) await long.step(batch(2, seed), { lr });
    const state = await stateOf(long);
    expect([...state.keys()]).toEqual(expect.arrayContaining(["head.bias", "adamw.m.head.bias", "ema.head.bias"]));
    expect([...(state.get("adamw.updates") ?? [])]).toEqual([2]);
    await resumed.step(batch(1, 9), { lr });
    await resumed.accumulate(batch(1, 8));
    await resumed.load(entries(state).reverse());
    expect(resumed.updates()).toBe(2);
    for (const seed of [3, 4]) {
      const [one, other] = [await long.step(batch(3, seed), { lr }), await resumed.step(batch(3, seed), { lr })];
      expect(other).toEqual(one);
    }
    const [one, other] = [await stateOf(long), await stateOf(resumed)];
    for (const [name, values] of one) expect(bits(other.get(name)), name).toEqual(bits(values));
    for (const each of [long, resumed]) each.dispose();
  });

  test("R49: is taken whole or not at all, and read between steps only", async () => {
    const learning = await trainer(counted().device);
    await learning.step(batch(1, 1), { lr });
    const state = await stateOf(learning);
    const zeros = new Map([...state].map(([name, data]) => [name, new Float32Array(data.length)]));
    const bad = entries(zeros).slice(0, -1);
    await expect(learning.load(bad)).rejects.toMatchObject({ name: "WeightsError" });
    const failing = (async function* () {
      yield* entries(zeros).slice(0, 5);
      throw new RangeError("the disk is gone");
    })();
    await expect(learning.load(failing)).rejects.toThrow(new RangeError("the disk is gone"));
    expect([...(await stateOf(learning))]).toEqual([...state]);

    const reading = learning.state();
    await reading.next();
    await reading.next();
    await learning.step(batch(1, 2), { lr });
    await expect(reading.next()).rejects.toThrow("have changed while their state was read");
    await learning.accumulate(batch(1, 3));
    await expect(stateOf(learning)).rejects.toThrow("gradients are no part of a state");
    await learning.update({ lr });
    await stateOf(learning);
    learning.dispose();
  });
});

describe.skipIf(adapter === null)("the model on the same weights", () => {
  const [images, outputs] = [2, 4];

  test("gives what one gives that is made of them, after every change", async () => {
    const gpu = counted().device;
    const learning = await trainer(gpu);
    const model = await learning.model();
    const { pixel_values } = batch(images, 7);
    const [input, logits] = [pixel_values.byteLength, 4 * images * outputs].map(size =>
      gpu.createBuffer({ size, usage: 0x8c }),
    );
    const read = gpu.createBuffer({ size: 4 * images * outputs, usage: 0x9 });
    gpu.queue.writeBuffer(input as GPUBuffer, 0, pixel_values);
    const encoded = async () => {
      const encoder = gpu.createCommandEncoder();
      model.encode(encoder, { pixel_values: input as GPUBuffer, logits: logits as GPUBuffer }, images);
      encoder.copyBufferToBuffer(logits as GPUBuffer, 0, read, 0, 4 * images * outputs);
      gpu.queue.submit([encoder.finish()]);
      await read.mapAsync(1);
      const found = new Float32Array(read.getMappedRange().slice(0));
      read.unmap();
      return found;
    };
    const expected = async () => {
      const weights = Object.fromEntries(await stateOf(learning));
      const copy = await createModel(learnable.model, { device: gpu, weights });
      const { logits } = await copy.run({ pixel_values });
      copy.dispose();
      return bits(logits);
    };
    const begun = await stateOf(learning);
    const seen: string[] = [];
    const look = async () => {
      const wanted = await expected();
      expect(bits((await model.run({ pixel_values })).logits)).toEqual(wanted);
      expect(bits((await model.run({ pixel_values })).logits)).toEqual(wanted);
      seen.push(`${wanted}`);
    };
    await look();
    await learning.step(batch(3, 1), { lr });
    expect(bits(await encoded())).toEqual(await expected());
    await look();
    await learning.load(entries(begun));
    await look();
    expect(seen[2]).toBe(seen[0]);
    expect(seen[1]).not.toBe(seen[0]);

    // What was asked for before it is before it.
    const [, after] = await Promise.all([learning.step(batch(3, 1), { lr }), model.run({ pixel_values })]);
    expect(`${bits(after.logits)}`).toBe(seen[1]);
    for (const buffer of [input, logits, read]) buffer?.destroy();
    learning.dispose();
    await expect(model.run({ pixel_values })).rejects.toMatchObject({ name: "DisposedError" });
  });

  test("costs packed weights and what runs take, and no parameter", async () => {
    const labels: string[] = [];
    const { device: gpu } = counted();
    const noted = overlaid(gpu, {
      createBuffer: (wanted: GPUBufferDescriptor) => {
        labels.push(wanted.label ?? "");
        return gpu.createBuffer(wanted);
      },
    });
    const learning = await trainer(noted);
    labels.length = 0;
    const model = await learning.model();
    await model.warmup();
    const params = new Set(learnable.model.params.map(({ name }) => name));
    expect(labels.length).toBeGreaterThan(0);
    expect(labels.filter(label => params.has(label))).toEqual([]);
    learning.dispose();
  });
});

describe.skipIf(adapter === null)("ends", () => {
  test("R14: nothing is left of a trainer and its models, and what is asked of it then is an error", async () => {
    const { device: gpu, live } = counted();
    const learning = await trainer(gpu);
    const model = await learning.model();
    await Promise.all([learning.step(batch(1, 1), { lr }), model.warmup()]);
    expect(live()).toBeGreaterThan(0);
    const pending = learning.step(batch(1, 1), { lr });
    learning.dispose();
    learning.dispose();
    await expect(pending).rejects.toMatchObject({ name: "DisposedError" });
    const calls = [
      learning.step(batch(1, 1), { lr }),
      learning.gradients("head.bias"),
      stateOf(learning),
      learning.model(),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ name: "DisposedError" });
    expect(live()).toBe(0);
  });

  test("R16, R41: a creation that fails or is aborted leaves nothing, and passes on what a caller's function throws", async () => {
    const { device: gpu, live } = counted();
    const short = { ...tensors, "head.bias": new Float32Array(3) };
    await expect(trainer(gpu, { weights: short })).rejects.toMatchObject({ name: "WeightsError" });
    const weights = () => Promise.reject(new RangeError("the disk is gone"));
    await expect(trainer(gpu, { weights })).rejects.toThrow(new RangeError("the disk is gone"));
    await expect(trainer(gpu, { optimizer: { eps: 0 } })).rejects.toMatchObject({ name: "InputError" });
    for (const isLast of [false, true]) {
      const controller = new AbortController();
      const onProgress = ({ loaded, total }: { readonly loaded: number; readonly total: number }) => {
        if (loaded === total || !isLast) controller.abort();
      };
      const creating = trainer(gpu, { onProgress, signal: controller.signal });
      await expect(creating).rejects.toMatchObject({ name: "AbortError" });
    }
    while (live() > 0) await new Promise(resolve => setTimeout(resolve, 1));
  });

  test("R12: a device that is lost ends what is under way, and what comes after", async () => {
    const gpu = await newDevice();
    const learning = await trainer(gpu);
    await learning.step(batch(1, 1), { lr });
    const calls = [2, 3, 4].map(seed => learning.step(batch(1, seed), { lr }));
    const all = Promise.allSettled(calls);
    await new Promise(resolve => setTimeout(resolve, 0));
    gpu.destroy();
    for (const end of await all) expect(end).toMatchObject({ status: "rejected", reason: { name: "DeviceLostError" } });
    await expect(learning.step(batch(1, 1), { lr })).rejects.toMatchObject({ name: "DeviceLostError" });
    await expect(stateOf(learning)).rejects.toMatchObject({ name: "DeviceLostError" });
    learning.dispose();
  });

  test("R12: what waits for a result that never comes ends with its device", async () => {
    const gpu = await newDevice();
    const waiting = new Set<string>();
    const never = (name: string) => () => {
      waiting.add(name);
      return new Promise(() => {});
    };
    const learning = await trainer(slowly("read", never("norm"), slowly("result loss", never("loss"), gpu)));
    const steps = Promise.allSettled([1, 2].map(seed => learning.step(batch(1, seed), { lr })));
    while (waiting.size < 2) await new Promise(resolve => setTimeout(resolve, 1));
    gpu.destroy();
    for (const end of await steps)
      expect(end).toMatchObject({ status: "rejected", reason: { name: "DeviceLostError" } });
    learning.dispose();
  });
});
