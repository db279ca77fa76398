import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { requestDevice } from "../../src/runtime/device.ts";
import { createModel } from "../../src/runtime/model.ts";
import { full } from "../support/full.ts";
import { adapter } from "../support/gpu.ts";
import {
  bits,
  create,
  descriptor,
  images,
  newDevice,
  nothingCompiled,
  sharedDevice,
  tamper,
  tensors,
} from "./support.ts";

const params = Object.values(tensors).reduce((sum, { length }) => sum + length, 0);
const first = descriptor.params[0]?.name ?? "";
const last = descriptor.params.at(-1)?.name ?? "";

/** MiB of this process, after all that nobody can reach is gone, native objects too. */
async function resident(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  return process.memoryUsage().rss / 2 ** 20;
}
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const { device, counted } = await sharedDevice();

/** How long each parameter is, one of them another length. */
const lengths = (other: string, length: number): ReadonlyMap<string, number> =>
  new Map(Object.entries(tensors).map(([name, values]) => [name, name === other ? length : values.length]));

describe.skipIf(adapter === null)("creation", () => {
  test("tells its progress at once, of each kernel and each weight, up to the whole", async () => {
    const seen: number[] = [];
    const model = await create(counted().device, {
      onProgress: ({ loaded, total }) => {
        expect(total).toBe(2 * 4 * params);
        seen.push(loaded);
      },
    });
    model.dispose();
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen.length).toBe(1 + descriptor.kernels.length + descriptor.params.length);
    expect(seen[0]).toBe(1);
    expect(seen.at(-1)).toBe(2 * 4 * params);
  });

  test("takes a promise of weights, and compiles while it is open", async () => {
    const events: number[] = [];
    let give = (_: typeof tensors): void => {};
    const weights = new Promise<typeof tensors>(resolve => {
      give = resolve;
    });
    const creating = create(counted().device, { weights, onProgress: ({ loaded }) => events.push(loaded) });
    while (events.length < 1 + descriptor.kernels.length) await new Promise(done => setTimeout(done, 5));
    give(tensors);
    (await creating).dispose();
    expect(events.at(-1)).toBe(2 * 4 * params);
  });

  test.each<[string, (name: string) => object | null, string]>([
    ["one that is missing", name => ({ ...tensors, [name]: undefined }), "no weights for"],
    ["a short one", name => ({ ...tensors, [name]: new Float32Array(1) }), "not 1 values"],
    ["none at all", () => null, "not null"],
    [
      "lengths that are short",
      name => Object.assign(() => new Float32Array(1), { lengths: lengths(name, 1) }),
      "not 1",
    ],
  ])("names %s before any kernel is ready", async (_, weightsBut, says) => {
    const { device: gpu, live } = counted();
    let kernels = 0;
    const weights = weightsBut(descriptor.params.at(-1)?.name ?? "") as typeof tensors;
    const creating = create(gpu, { weights, onProgress: () => kernels++ });
    await expect(creating).rejects.toMatchObject({ code: "weights", message: expect.stringContaining(says) });
    expect([kernels, live()]).toEqual([1, 0]);
  });

  test("says what it takes instead of a device", async () => {
    await expect(create(undefined as unknown as GPUDevice)).rejects.toMatchObject({ code: "input" });
    await expect(requestDevice(undefined as unknown as typeof descriptor)).rejects.toMatchObject({ code: "input" });
  });

  test("takes weights one at a time, each once, promised or not", async () => {
    const asked: string[] = [];
    const weights = (name: string) => {
      asked.push(name);
      const values = tensors[name] as Float32Array;
      return asked.length % 2 === 0 ? values : Promise.resolve(values);
    };
    const model = await create(counted().device, { weights });
    const whole = await create(counted().device);
    expect(asked.sort()).toEqual(Object.keys(tensors).sort());
    const [one, other] = [await model.run({ pixel_values: images(1) }), await whole.run({ pixel_values: images(1) })];
    expect(bits(one.logits)).toEqual(bits(other.logits));
    for (const each of [model, whole]) each.dispose();
  });

  test("takes weights that are views into one buffer", async () => {
    const all = new Float32Array(params + 1);
    let at = 1;
    const views = Object.fromEntries(
      Object.entries(tensors).map(([name, values]) => {
        all.set(values, at);
        at += values.length;
        return [name, all.subarray(at - values.length, at)];
      }),
    );
    const [model, plain] = [await create(counted().device, { weights: views }), await create(counted().device)];
    const [one, other] = [await model.run({ pixel_values: images(1) }), await plain.run({ pixel_values: images(1) })];
    expect(bits(one.logits)).toEqual(bits(other.logits));
    for (const each of [model, plain]) each.dispose();
  });

  const odd: Readonly<Record<string, readonly [value: unknown, message: RegExp]>> = {
    "are missing": [undefined, /no weights for '.*' \[/],
    "are null": [null, /no weights for '/],
    "are short": [new Float32Array(1), /takes a Float32Array of \d+ values, not 1 values/],
    "are a list": [[1, 2, 3], /takes a Float32Array of \d+ values, not a object/],
    "are a number": [7, /takes a Float32Array of \d+ values, not a number/],
    "are doubles": [new Float64Array(18), /takes a Float32Array/],
  };
  test.each(Object.keys(odd).flatMap(how => [first, last].map(name => ({ how, name }))))(
    "R41: refuses weights where those of $name $how",
    async ({ how, name }) => {
      const [value, message] = odd[how] as (typeof odd)[string];
      const { device: gpu, live } = counted();
      const weights = { ...tensors, [name]: value } as Record<string, Float32Array>;
      await expect(create(gpu, { weights })).rejects.toMatchObject({ name: "WeightsError", code: "weights" });
      await expect(create(gpu, { weights: asked => weights[asked] as Float32Array })).rejects.toThrow(message);
      expect(live()).toBe(0);
    },
  );

  test("passes on what the caller's functions throw, and frees everything", async () => {
    const { device: gpu, live } = counted();
    const weights = async (name: string) => {
      if (name === last) throw new RangeError("the disk is gone");
      return tensors[name] as Float32Array;
    };
    await expect(create(gpu, { weights })).rejects.toThrow(new RangeError("the disk is gone"));
    const onProgress = () => {
      throw new RangeError("the bar is broken");
    };
    await expect(create(gpu, { onProgress })).rejects.toThrow("the bar is broken");
    expect(live()).toBe(0);
  });

  test("R10: says where a shader is wrong", async () => {
    const kernels = descriptor.kernels.map(({ name, code }, i) =>
      i === 2 ? { name, code: `\n  let x = ;\n${code}` } : { name, code },
    );
    const { device: gpu, live } = counted();
    const made = createModel({ ...descriptor, kernels }, { device: gpu, weights: tensors });
    await expect(made).rejects.toMatchObject({ name: "ShaderError", code: "shader" });
    await expect(made).rejects.toThrow(`${kernels[2]?.name}.wgsl:2:`);
    expect(live()).toBe(0);
  });

  test("R04, R06: names the limit that a device does not reach", async () => {
    for (const [name, value] of [
      ["maxBufferSize", 2 ** 50],
      ["maxStorageBuffersPerShaderStage", 1000],
    ] as const) {
      const large: ModelDescriptor = { ...descriptor, limits: { ...descriptor.limits, [name]: value } };
      const made = createModel(large, { device: device as GPUDevice, weights: tensors });
      await expect(made).rejects.toMatchObject({ name: "LimitError", code: "limit" });
      await expect(made).rejects.toThrow(new RegExp(`tiny needs ${name} of ${value}, this device allows \\d+`));
    }
  });

  test("R09: ends with OutOfMemoryError wherever memory runs out, and frees everything", async () => {
    const { device: gpu, made } = counted();
    (await create(gpu)).dispose();
    expect(made()).toBeGreaterThan(20);
    for (let at = 0; at < made(); at++) {
      const poor = counted({ outOfMemoryAt: at });
      await expect(create(poor.device), `buffer ${at}`).rejects.toMatchObject({ name: "OutOfMemoryError" });
      expect(poor.live(), `buffer ${at}`).toBe(0);
    }
  });

  test("R16: stops when it is told to", async () => {
    const { device: gpu, live } = counted();
    const aborted = { name: "AbortError", code: "aborted" };
    await expect(create(gpu, { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
    for (const name of [first, last]) {
      const controller = new AbortController();
      const weights = (asked: string) => {
        if (asked === name) controller.abort();
        return tensors[asked] as Float32Array;
      };
      await expect(create(gpu, { weights, signal: controller.signal })).rejects.toMatchObject(aborted);
    }
    const controller = new AbortController();
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) => {
      if (loaded === total) controller.abort();
    };
    await expect(create(gpu, { onProgress, signal: controller.signal })).rejects.toMatchObject(aborted);
    expect(live()).toBe(0);
  });

  test("R16: a signal that comes after it does nothing", async () => {
    const controller = new AbortController();
    const model = await create(counted().device, { signal: controller.signal });
    controller.abort();
    expect((await model.run({ pixel_values: images(1) })).logits?.length).toBe(10);
    model.dispose();
  });

  test("two at once on one device leave each other's errors, and the caller's, alone", async () => {
    const gpu = device as GPUDevice;
    gpu.pushErrorScope("validation");
    const bad = { ...descriptor, kernels: descriptor.kernels.map(({ name }) => ({ name, code: "nonsense" })) };
    const made = [
      create(gpu),
      createModel(bad, { device: gpu, weights: tensors }),
      create(gpu, { weights: {} }),
      create(gpu),
    ];
    gpu.createBuffer({ size: 4, usage: 0 });
    const own = await gpu.popErrorScope();
    const ends = await Promise.allSettled(made);
    expect(own?.message).toMatch(/usage/i);
    expect(ends.map(end => (end.status === "fulfilled" ? "made" : end.reason.code))).toEqual([
      "made",
      "shader",
      "weights",
      "made",
    ]);
    for (const end of ends) if (end.status === "fulfilled") end.value.dispose();
    await expect(gpu.popErrorScope()).rejects.toThrow();
  });
});

describe.skipIf(adapter === null)("the end of a model", () => {
  test("R14: disposing frees all buffers, twice is once, and nothing works after it", async () => {
    const { device: gpu, live } = counted();
    const model = await create(gpu);
    await model.run({ pixel_values: images(2) });
    expect(live()).toBeGreaterThan(0);
    model.dispose();
    model.dispose();
    expect(live()).toBe(0);
    const disposed = { name: "DisposedError", code: "disposed" };
    await expect(model.run({ pixel_values: images(1) })).rejects.toMatchObject(disposed);
    await expect(model.warmup()).rejects.toMatchObject(disposed);
    expect(() => model.encode(gpu.createCommandEncoder(), {})).toThrow("tiny was disposed of");
    expect(live()).toBe(0);
  });

  test("R14: disposing ends the runs under way, without a result", async () => {
    let during = () => {};
    const { device: gpu, live } = counted({ submitted: () => during() });
    const model = await create(gpu);
    during = () => queueMicrotask(model.dispose);
    const runs = [1, 2, 1].map(batch => model.run({ pixel_values: images(batch) }));
    for (const end of await Promise.allSettled(runs))
      expect(end).toMatchObject({ status: "rejected", reason: { code: "disposed" } });
    expect(live()).toBe(0);
  });

  test("R16: a run stops when it is told to, and the next one runs", async () => {
    const model = await create(counted().device);
    const aborted = { name: "AbortError", code: "aborted" };
    const image = { pixel_values: images(1) };
    const wanted = (await model.run(image)).logits;
    await expect(model.run(image, { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const [stopped, waiting, other] = [
      model.run(image, { signal: controller.signal }),
      model.run(image, { signal: controller.signal }),
      model.run(image),
    ];
    const ends = Promise.allSettled([stopped, waiting]);
    // At once: on a slow machine any wait could be longer than a run.
    controller.abort();
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: aborted });
    expect(bits((await other).logits)).toEqual(bits(wanted));
    expect(bits((await model.run(image)).logits)).toEqual(bits(wanted));
    model.dispose();
  });

  test("R09: the buffers of a run that runs out of memory are freed with the model", async () => {
    const { device: gpu, made } = counted();
    (await create(gpu)).dispose();
    const poor = counted({ outOfMemoryAt: made() + 1 });
    const model = await create(poor.device);
    await expect(model.run({ pixel_values: images(1) })).rejects.toMatchObject({ code: "out-of-memory" });
    model.dispose();
    expect(poor.live()).toBe(0);
  });

  const count = full ? 10_000 : 200;
  test(`R44: ${count} models, each made, run and disposed of, leave nothing`, async () => {
    const { device: gpu, live } = counted();
    const wanted = await (await create(gpu)).run({ pixel_values: images(1) });
    const before = live();
    const sizes: number[] = [];
    for (let i = 0; i < count; i++) {
      const model = await create(gpu);
      const result = await model.run({ pixel_values: images(1 + (i % 3)) });
      if (i % 3 === 0) expect(bits(result.logits)).toEqual(bits(wanted.logits));
      model.dispose();
      expect(live()).toBe(before);
      if (i % 50 === 49) sizes.push(await resident());
    }
    // A buffer that stayed would be counted above; this sees what the drivers keep, whose caches settle at some size,
    // which they have after a tenth of many.
    const settled = sizes[Math.floor(sizes.length / 10)] ?? 0;
    expect((sizes.at(-1) ?? 0) - settled).toBeLessThan(full ? 20 : 64);
  });
});

describe.skipIf(adapter === null)("a lost device", () => {
  const lost = { name: "DeviceLostError", code: "lost" };

  test("R12: before the creation", async () => {
    const gpu = await newDevice();
    gpu.destroy();
    await expect(create(gpu)).rejects.toMatchObject(lost);
  });

  test.each([first, last])("R12: during the creation, at %s", async name => {
    const gpu = await newDevice();
    const weights = (asked: string) => {
      if (asked === name) gpu.destroy();
      return tensors[asked] as Float32Array;
    };
    await expect(create(gpu, { weights })).rejects.toMatchObject(lost);
  });

  test("R12: before, during and after a run: none gives a result", async () => {
    const real = await newDevice();
    let during = () => {};
    const { device: gpu } = tamper(real, nothingCompiled(), { submitted: () => during() });
    const model = await create(gpu);
    await model.run({ pixel_values: images(1) });
    during = () => real.destroy();
    const runs = [1, 2].map(batch => model.run({ pixel_values: images(batch) }));
    for (const end of await Promise.allSettled(runs)) expect(end).toMatchObject({ status: "rejected", reason: lost });
    await expect(model.run({ pixel_values: images(1) })).rejects.toMatchObject(lost);
    await expect(model.warmup()).rejects.toMatchObject(lost);
    expect(() => model.encode(gpu.createCommandEncoder(), {})).toThrow("the GPU device was lost");
    model.dispose();
  });

  test("R13: a new one gives the same bits", async () => {
    const results: Uint8Array[] = [];
    for (let i = 0; i < 2; i++) {
      const gpu = await newDevice();
      const model = await create(gpu);
      results.push(bits((await model.run({ pixel_values: images(2) })).logits));
      gpu.destroy();
    }
    expect(results[1]).toEqual(results[0]);
  });
});

describe("a device for a model", () => {
  const gpuWith = (given: object | null): GPU => ({ requestAdapter: async () => given }) as unknown as GPU;
  const limits = { ...descriptor.limits };

  test("R01, R02: there is no WebGPU, no adapter, or one that gives no device", async () => {
    const none = { name: "AdapterError", code: "adapter" };
    await expect(requestDevice(descriptor, undefined)).rejects.toMatchObject(none);
    await expect(requestDevice(descriptor, gpuWith(null))).rejects.toMatchObject(none);
    const broken = { requestAdapter: () => Promise.reject(new Error("the driver is gone")) } as unknown as GPU;
    await expect(requestDevice(descriptor, broken)).rejects.toMatchObject(none);
    const used = {
      limits,
      requestDevice: async () => {
        throw new Error("the adapter is consumed");
      },
    };
    await expect(requestDevice(descriptor, gpuWith(used))).rejects.toThrow("the adapter is consumed");
  });

  test("R06: an adapter that allows too little is told by the limit", async () => {
    const poor = { limits: { ...limits, maxStorageBuffersPerShaderStage: 2 } };
    await expect(requestDevice(descriptor, gpuWith(poor))).rejects.toMatchObject({ name: "LimitError" });
    await expect(requestDevice(descriptor, gpuWith(poor))).rejects.toThrow(
      /needs maxStorageBuffersPerShaderStage of \d, this adapter allows 2/,
    );
  });

  test("R04: several models get the most that any of them needs, and nothing else is asked for", async () => {
    const asked: unknown[] = [];
    const rich = {
      limits: { ...limits, maxBufferSize: 2 ** 40 },
      requestDevice: async (wanted: unknown) => {
        asked.push(wanted);
        return {};
      },
    };
    const large = { ...descriptor, limits: { ...limits, maxBufferSize: 2 ** 33 } };
    await requestDevice([descriptor, large], gpuWith(rich));
    await requestDevice(descriptor, gpuWith(rich));
    expect(asked).toEqual([{ requiredLimits: large.limits }, { requiredLimits: limits }]);
  });
});
