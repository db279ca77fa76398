import { describe, expect, test } from "vitest";
import { preprocessWgsl } from "../../src/emit/wgsl/preprocess.ts";
import type { ModelErrorCode } from "../../src/runtime/errors.ts";
import type { Model } from "../../src/runtime/model.ts";
import type { RgbaImage } from "../../src/runtime/pictures/sources.ts";
import { createPreprocessor } from "../../src/runtime/preprocess.ts";
import { receiver } from "../preprocess/pictures.ts";
import { adapter } from "../support/gpu.ts";
import { bitsOf, classifier, codeOf, type Disturbed, disturbedDevice, make } from "./disturbed.ts";
import { faults, type Way } from "./faults.ts";
import { classes, imageSize } from "./support.ts";

const { disturbed, expectedOf } = await disturbedDevice();

const [mapRead, copySrc, copyDst, storage] = [0x1, 0x4, 0x8, 0x80];
const codes: Readonly<Record<Exclude<Way, "hangs">, readonly (ModelErrorCode | null)[]>> = {
  "out-of-memory": ["out-of-memory"],
  validation: ["shader"],
  throws: ["out-of-memory"],
  rejects: ["shader"],
};
const settled = (): Promise<void> => new Promise(done => setTimeout(done, 5));

/** What some work throws, or null. */
function caught(work: () => void): unknown {
  try {
    work();
    return null;
  } catch (cause) {
    return cause;
  }
}

/** What a buffer of a caller holds, through a device that nobody counts. */
async function read(device: GPUDevice, buffer: GPUBuffer): Promise<Uint8Array> {
  const copy = device.createBuffer({ size: buffer.size, usage: mapRead | copyDst });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(1);
  const values = new Uint8Array(copy.getMappedRange().slice(0));
  copy.destroy();
  return values;
}

/** Buffers for so many images, the input filled. */
function buffersFor({ device }: Disturbed, batch: number): Record<"pixel_values" | "logits", GPUBuffer> {
  const flags = storage | copySrc | copyDst;
  const pixel_values = device.createBuffer({ size: 4 * imageSize * batch, usage: flags });
  device.queue.writeBuffer(pixel_values, 0, classifier.inputs(batch).pixel_values as Float32Array<ArrayBuffer>);
  return { pixel_values, logits: device.createBuffer({ size: 4 * classes * batch, usage: flags }) };
}

describe.skipIf(adapter === null)("commands of a caller", () => {
  /** Encodes, submits and reads a pass. */
  async function encoded(all: Disturbed, model: Model, batch: number): Promise<Uint8Array> {
    const buffers = buffersFor(all, batch);
    const encoder = all.device.createCommandEncoder();
    model.encode(encoder, buffers, batch);
    all.device.queue.submit([encoder.finish()]);
    const values = await read(all.device, buffers.logits);
    for (const buffer of Object.values(buffers)) buffer.destroy();
    return values;
  }

  const inEncoding = faults.filter(({ call }) => /createB|writeBuffer|popErrorScope/.test(call));
  test.each(inEncoding)("R09: $call $way while they are recorded: others, and later ones, are right", async fault => {
    const { call, way } = fault;
    const expected = (await expectedOf(classifier)).map(outputs => outputs.logits);
    const all = disturbed();
    const { device, fail, depth, live } = all;
    /** Whether it failed at that call, with commands of another pass recorded before, submitted after, or without. */
    const failsAt = async (count: number, others: boolean): Promise<boolean> => {
      const where = `${call} ${count}`;
      const model = await make(classifier, device);
      const mine = [buffersFor(all, 2), buffersFor(all, 8)] as const;
      const earlier = device.createCommandEncoder();
      if (others) model.encode(earlier, mine[0], 2);
      const fired: boolean[] = [];
      const sizes: number[] = [];
      for (let again = 0; again < 2; again++) {
        const encoder = device.createCommandEncoder();
        device.pushErrorScope("validation");
        const failed = fail(call, count, way);
        const thrown = caught(() => model.encode(encoder, mine[1], 8));
        fired.push(failed());
        device.queue.submit([encoder.finish()]);
        const told = await device.popErrorScope();
        await settled();
        if (!fired[again]) expect([thrown, told], where).toEqual([null, null]);
        else if (way === "throws") expect(thrown, where).toMatchObject({ code: "out-of-memory" });
        else if (call !== "popErrorScope") expect(told?.message, where).toMatch(/invalid/i);
        expect(depth(), where).toBe(0);
        for (const batch of [8, 1]) expect(await encoded(all, model, batch), where).toEqual(expected[batch - 1]);
        sizes.push(live());
      }
      expect(sizes[1], where).toBe(sizes[0]);
      device.queue.submit([earlier.finish()]);
      if (others) expect(await read(device, mine[0].logits)).toEqual(expected[1]);
      expect(bitsOf(await model.run(classifier.inputs(3))).logits).toEqual(expected[2]);
      model.dispose();
      for (const buffers of mine) for (const buffer of Object.values(buffers)) buffer.destroy();
      expect(live()).toBe(0);
      return fired[0] === true;
    };

    let count = 0;
    for (let fired = true; fired; count++)
      fired = [await failsAt(count, true), await failsAt(count, false)].includes(true);
    expect(count).toBeGreaterThan(1);
  });

  test("R09: a run that fails costs them nothing", async () => {
    const [, two] = await expectedOf(classifier);
    const all = disturbed();
    const model = await make(classifier, all.device);
    const buffers = buffersFor(all, 2);
    const encoder = all.device.createCommandEncoder();
    model.encode(encoder, buffers, 2);
    all.fail("createBuffer", 0, "out-of-memory");
    expect(await codeOf(model.run(classifier.inputs(8)))).toBe("out-of-memory");
    all.device.queue.submit([encoder.finish()]);
    expect(await read(all.device, buffers.logits)).toEqual(two?.logits);
    model.dispose();
  });

  test("R09: bad buffers of a caller cost nobody else's commands their memory", async () => {
    const [, , three] = await expectedOf(classifier);
    const all = disturbed();
    const { device, live } = all;
    const model = await make(classifier, device);
    const [good, bad] = [buffersFor(all, 3), buffersFor(all, 3)];
    const [encoder, wrong] = [device.createCommandEncoder(), device.createCommandEncoder()];
    device.pushErrorScope("validation");
    // Larger than it is, so that no check of sizes finds it out.
    const { usage } = bad.logits;
    const fake = device.createBuffer({ size: 4, usage: 0xffff });
    Object.defineProperties(fake, { size: { value: 1e6 }, usage: { value: usage } });
    await device.popErrorScope();

    model.encode(wrong, { ...bad, logits: fake }, 3);
    model.encode(encoder, good, 3);
    await settled();
    device.queue.submit([encoder.finish()]);
    expect(await read(device, good.logits)).toEqual(three?.logits);
    const before = live();
    for (let i = 0; i < 3; i++) {
      model.encode(wrong, { ...bad, logits: fake }, 3);
      await settled();
    }
    expect(await encoded(all, model, 3)).toEqual(three?.logits);
    expect(live()).toBe(before);
    model.dispose();
  });
});

describe.skipIf(adapter === null)("a preprocessor", () => {
  const input = { name: "test", width: 16, height: 16, code: preprocessWgsl(receiver({ width: 16, height: 16 })) };
  const image = (width: number, height: number): RgbaImage => ({
    width,
    height,
    data: Uint8Array.from({ length: 4 * width * height }, (_, i) => (i * 37) % 251),
  });
  const images = [image(20, 17), image(9, 31)];

  const notHere = new Set(["mapAsync", "getMappedRange", "onSubmittedWorkDone"]);
  test.each(faults.filter(({ call }) => !notHere.has(call)))(
    "R09: $call $way: nothing is left, and the next images are right",
    async ({ call, way }) => {
      const { device, fail, depth, live } = disturbed();
      const calm = await createPreprocessor(device, input);
      const pixels = await calm(images);
      const expected = await read(device, pixels);
      pixels.destroy();
      expect(live()).toBe(0);
      let count = 0;
      for (let fired = true; fired; count++) {
        const where = `${call} ${count}`;
        const failed = fail(call, count, way);
        const made = createPreprocessor(device, input);
        const work = made.then(preprocess => preprocess(images));
        const code = await codeOf(work);
        fired = failed();
        expect(depth(), where).toBe(0);
        if (fired) {
          expect(codes[way], where).toContain(code);
          expect(live(), where).toBe(0);
        } else expect(code, where).toBe(null);
        const preprocess = await made.catch(() => calm);
        const [one, other] = [fired ? await preprocess(images) : await work, await calm(images)];
        for (const buffer of [one, other]) {
          expect(await read(device, buffer), where).toEqual(expected);
          buffer.destroy();
        }
        expect(live(), where).toBe(0);
      }
      expect(count).toBeGreaterThan(1);
    },
  );

  test.each(["createComputePipelineAsync", "popErrorScope"] as const)(
    "R12: nothing comes of it where the device is lost, and %s leaves no answer",
    async call => {
      for (const after of [0, 1]) {
        const { device, fail } = disturbed();
        fail(call, after, "hangs");
        await expect(createPreprocessor(device, input)).rejects.toMatchObject({ name: "DeviceLostError" });
      }
      const { device, fail, depth, live } = disturbed();
      const preprocess = await createPreprocessor(device, input);
      fail("popErrorScope", 0, "hangs");
      for (let i = 0; i < 2; i++) await expect(preprocess(images)).rejects.toMatchObject({ name: "DeviceLostError" });
      expect(depth()).toBe(0);
      expect(live()).toBe(0);
    },
  );
});
