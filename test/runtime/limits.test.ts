import { beforeAll, describe, expect, test } from "vitest";
import { loadDawn } from "../../src/node/gpu/dawn.ts";
import type { LimitName, ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { requestDevice } from "../../src/runtime/device.ts";
import { createModel } from "../../src/runtime/model.ts";
import { adapter } from "../support/gpu.ts";
import { bits, create, descriptor, images, nothingCompiled, overlaid, tamper, tensors } from "./support.ts";

// Real limits of a real adapter, asked for or left at WebGPU's defaults.

/** What every device has that is asked for nothing. */
const defaults = { maxBufferSize: 256 * 2 ** 20, maxStorageBufferBindingSize: 128 * 2 ** 20 } as const;

describe.skipIf(adapter === null)("limits", () => {
  let gpu: GPU;
  beforeAll(async () => {
    const dawn = await loadDawn();
    if (!dawn.ok) throw new Error("there is no WebGPU: skip this test where `adapter` is null");
    gpu = dawn.value as unknown as GPU;
  });
  const defaultDevice = async (): Promise<GPUDevice> => {
    const device = await (await gpu.requestAdapter())?.requestDevice();
    if (!device) throw new Error("the adapter gives no device");
    return device;
  };

  test("R02: an adapter gives one device, and every device is asked of a new one", async () => {
    const used = await gpu.requestAdapter();
    (await used?.requestDevice())?.destroy();
    await expect(used?.requestDevice()).rejects.toThrow();
    const stale = { requestAdapter: async () => used } as unknown as GPU;
    await expect(requestDevice(descriptor, stale)).rejects.toMatchObject({ name: "AdapterError", code: "adapter" });
    const devices = [await requestDevice(descriptor, gpu), await requestDevice(descriptor, gpu)];
    expect(devices[0]).not.toBe(devices[1]);
    for (const device of devices) device.destroy();
  });

  test.each([
    { id: "R04", name: "maxBufferSize" },
    { id: "R05", name: "maxStorageBufferBindingSize" },
  ] as const)("$id: more $name than by default is asked for, or refused before anything is made", async ({ name }) => {
    const needed = 2 * defaults[name];
    const model: ModelDescriptor = { ...descriptor, limits: { ...descriptor.limits, [name]: needed } };
    const asked = requestDevice(model, gpu);
    if ((adapter?.limits[name] ?? 0) < needed)
      await expect(asked).rejects.toThrow(`needs ${name} of ${needed}, this adapter`);
    else {
      const device = await asked;
      expect(device.limits[name]).toBe(needed);
      device.destroy();
    }

    const plain = await defaultDevice();
    expect(plain.limits[name]).toBe(defaults[name]);
    const { device: counted, made } = tamper(plain, nothingCompiled());
    const creation = createModel(model, { device: counted, weights: tensors });
    await expect(creation).rejects.toMatchObject({ name: "LimitError", code: "limit" });
    expect(made()).toBe(0);
    plain.destroy();
  });

  test.each(Object.keys(descriptor.limits) as LimitName[])(
    "R06, R08: a device whose %s is less than its adapter's gives no model, and nothing is dispatched",
    async name => {
      const device = await requestDevice(descriptor, gpu);
      const needed = descriptor.limits[name] ?? 0;
      let submitted = 0;
      const { device: counted, made } = tamper(device, nothingCompiled(), { submitted: () => submitted++ });
      const poor = overlaid(counted, { limits: overlaid(device.limits, { [name]: needed - 1 }) });
      await expect(create(poor)).rejects.toThrow(`needs ${name} of ${needed}, this device allows ${needed - 1}`);
      expect([made(), submitted]).toEqual([0, 0]);
      device.destroy();
    },
  );

  test("R08: a feature that is listed, and refused when it is asked for", async () => {
    const real = (await gpu.requestAdapter()) as GPUAdapter;
    const lying = overlaid(real, {
      features: new Set(["shader-f16"]),
      requestDevice: async ({ requiredFeatures = [] }: GPUDeviceDescriptor) => {
        throw new TypeError(`no ${[...requiredFeatures].join()} after all`);
      },
    });
    const half = { ...descriptor, half: { native: "", unpacked: "" } };
    const asked = requestDevice(half, { requestAdapter: async () => lying } as unknown as GPU);
    await expect(asked).rejects.toMatchObject({ name: "AdapterError", code: "adapter" });
    await expect(asked).rejects.toThrow("no shader-f16 after all");
  });

  test("a device with exactly what the model needs runs it", async () => {
    const device = await requestDevice(descriptor, gpu);
    const model = await createModel(descriptor, { device, weights: tensors });
    expect(bits((await model.run({ pixel_values: images(1) })).logits).length).toBe(40);
    model.dispose();
    device.destroy();
  });
});
