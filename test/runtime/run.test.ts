import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../src/runtime/model.ts";
import { adapter, testDevice } from "../support/gpu.ts";
import { bits, classes, create, descriptor, imageSize, images } from "./support.ts";

const storage = 0x80;
const copySrc = 0x4;
const copyDst = 0x8;

describe.skipIf(adapter === null)("a model on a device", () => {
  let device: GPUDevice;
  let model: Model;
  const stray: string[] = [];
  beforeAll(async () => {
    device = await testDevice();
    device.onuncapturederror = event => {
      stray.push(event.error.message);
    };
    model = await create(device);
  });
  afterAll(() => {
    device?.destroy();
    expect(stray).toEqual([]);
  });

  const logits = async (values: Float32Array | GPUBuffer): Promise<Float32Array> =>
    (await model.run({ pixel_values: values })).logits ?? new Float32Array();

  const shared = new Float32Array(new SharedArrayBuffer(4 * imageSize));
  const detached = new Float32Array(imageSize);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });

  /** The types of the language's version that is compiled for do not know it. */
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { readonly maxByteLength: number },
  ) => ArrayBuffer & { readonly resize: (bytes: number) => void };
  const resizable = () => new Resizable(4 * imageSize, { maxByteLength: 8 * imageSize });
  const shrinking = resizable();
  const shrunk = new Float32Array(shrinking, 0, imageSize);
  shrinking.resize(4 * imageSize - 4);

  const wrong: Readonly<Record<string, readonly [inputs: unknown, message: RegExp]>> = {
    "no inputs": [undefined, /inputs are an object/],
    null: [null, /inputs are an object/],
    "none of that name": [{ pixels: new Float32Array(imageSize) }, /no input 'pixel_values' \[N, 3, 16, 12\]/],
    "null as one": [{ pixel_values: null }, /no input 'pixel_values'/],
    "a plain array": [{ pixel_values: new Array(imageSize).fill(0) }, /is a Float32Array or a GPUBuffer/],
    "a string": [{ pixel_values: "x".repeat(imageSize) }, /is a Float32Array or a GPUBuffer/],
    doubles: [{ pixel_values: new Float64Array(imageSize) }, /is a Float32Array or a GPUBuffer/],
    bytes: [{ pixel_values: new Int8Array(imageSize) }, /is a Float32Array or a GPUBuffer/],
    "one value too few": [{ pixel_values: new Float32Array(imageSize - 1) }, /has 575 values, not a multiple of 576/],
    "no values": [{ pixel_values: new Float32Array(0) }, /has 0 values/],
    "a detached array": [{ pixel_values: detached }, /has 0 values/],
    "an array whose memory has shrunk": [{ pixel_values: shrunk }, /shared or resizable memory/],
    "memory that can be resized": [{ pixel_values: new Float32Array(resizable()) }, /shared or resizable memory/],
    "shared memory": [{ pixel_values: shared }, /shared or resizable memory/],
    "more images than compiled for": [{ pixel_values: new Float32Array(4 * imageSize) }, /4 images, .* 1 to 3/],
  };
  test.each(Object.keys(wrong))("R17, R18, R20, R21: refuses %s", async name => {
    const [inputs, message] = wrong[name] as (typeof wrong)[string];
    const run = model.run as (inputs: unknown) => Promise<unknown>;
    await expect(run(inputs)).rejects.toMatchObject({ name: "InputError", code: "input" });
    await expect(run(inputs)).rejects.toThrow(message);
  });

  test("R22: a view into a larger buffer is what it shows", async () => {
    const values = images(1);
    const inside = new Float32Array(imageSize + 6).fill(Number.NaN);
    inside.set(values, 3);
    expect(bits(await logits(inside.subarray(3, 3 + imageSize)))).toEqual(bits(await logits(values)));
  });

  test("a GPU buffer is read in place", async () => {
    const values = images(2);
    const buffer = device.createBuffer({ size: values.byteLength, usage: storage | copyDst });
    device.queue.writeBuffer(buffer, 0, values);
    expect(bits(await logits(buffer))).toEqual(bits(await logits(values)));
    buffer.destroy();
  });

  test("a GPU buffer without STORAGE is refused", async () => {
    const buffer = device.createBuffer({ size: 4 * imageSize, usage: copyDst });
    await expect(logits(buffer)).rejects.toThrow(/InputError|lacks the usage STORAGE/);
    buffer.destroy();
  });

  test("a GPU buffer that this device cannot read is named, and why", async () => {
    const bytes = { size: 4 * imageSize, usage: storage | copyDst };
    const refused = (buffer: GPUBuffer, why: string) =>
      expect(logits(buffer)).rejects.toThrow(`input 'pixel_values' ${why}`);
    const good = bits(await logits(images(1)));

    const gone = device.createBuffer(bytes);
    gone.destroy();
    await refused(gone, "was destroyed");

    const other = await testDevice();
    await refused(other.createBuffer(bytes), "is no buffer of the model's device");
    other.destroy();

    const mapped = device.createBuffer({ ...bytes, mappedAtCreation: true });
    await refused(mapped, "is mapped: unmap it first");
    mapped.destroy();

    expect(bits(await logits(images(1)))).toEqual(good);
  });

  test("runs that overlap take turns, whatever their batches", async () => {
    const batches = [1, 3, 2, 1, 3];
    const apart: Uint8Array[] = [];
    for (const [i, batch] of batches.entries()) apart.push(bits(await logits(images(batch, i + 1))));
    const together = await Promise.all(batches.map((batch, i) => logits(images(batch, i + 1))));
    expect(together.map(bits)).toEqual(apart);
  });

  test("a run that is refused leaves the next ones alone", async () => {
    const [bad, good] = [model.run({}), logits(images(1))];
    await expect(bad).rejects.toThrow("no input");
    expect(bits(await good)).toEqual(bits(await logits(images(1))));
  });

  test("results are the caller's: a later run does not change them", async () => {
    const first = await logits(images(1, 1));
    const copy = first.slice();
    await logits(images(1, 2));
    expect(first).toEqual(copy);
  });

  test("R20: warming up runs, and changes nothing", async () => {
    const before = await logits(images(2));
    await model.warmup();
    await model.warmup(3);
    expect(bits(await logits(images(2)))).toEqual(bits(before));
    await expect(model.warmup(4)).rejects.toMatchObject({ code: "input" });
    await expect(model.warmup(0)).rejects.toMatchObject({ code: "input" });
  });

  /** Buffers for `encode`, each with guard words behind what the model may touch. */
  const guard = 64;
  const guarded = (batch: number) => {
    const input = device.createBuffer({ size: 4 * (imageSize * batch + guard), usage: storage | copySrc | copyDst });
    const output = device.createBuffer({ size: 4 * (classes * batch + guard), usage: storage | copySrc | copyDst });
    device.queue.writeBuffer(input, 0, new Float32Array(imageSize * batch + guard).fill(Number.NaN));
    device.queue.writeBuffer(output, 0, new Float32Array(classes * batch + guard).fill(12345));
    device.queue.writeBuffer(input, 0, images(batch));
    return { pixel_values: input, logits: output };
  };
  const read = async (buffer: GPUBuffer): Promise<Float32Array> => {
    const staging = device.createBuffer({ size: buffer.size, usage: 0x1 | copyDst });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(0x1);
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  };

  test.each([1, 2, 3])("R40: encoding %i images into the caller's commands gives the bits of run", async batch => {
    const buffers = guarded(batch);
    const encoder = device.createCommandEncoder();
    model.encode(encoder, buffers, batch);
    device.queue.submit([encoder.finish()]);
    const found = await read(buffers.logits);
    const end = classes * batch;
    expect(bits(found.slice(0, end))).toEqual(bits(await logits(images(batch))));
    expect([...found.slice(end)]).toEqual(new Array(guard).fill(12345));
    const input = await read(buffers.pixel_values);
    expect(input.slice(0, imageSize * batch)).toEqual(images(batch));
    expect(input.slice(imageSize * batch).every(Number.isNaN)).toBe(true);
  });

  test("buffers that were used for one image are used for three", async () => {
    const fresh = await create(device);
    const encoded = async (buffers: ReturnType<typeof guarded>, batch: number): Promise<Uint8Array> => {
      const encoder = device.createCommandEncoder();
      fresh.encode(encoder, buffers, batch);
      device.queue.submit([encoder.finish()]);
      return bits((await read(buffers.logits)).slice(0, classes * batch));
    };
    // Others first, so that there is scratch memory for three, which is not made again in between.
    await encoded(guarded(3), 3);
    const buffers = guarded(3);
    for (const batch of [1, 3, 2]) expect(await encoded(buffers, batch)).toEqual(bits(await logits(images(batch))));
    fresh.dispose();
  });

  test("commands stay good while the model grows", async () => {
    const fresh = await create(device);
    const buffers = guarded(1);
    const encoder = device.createCommandEncoder();
    fresh.encode(encoder, buffers);
    await fresh.run({ pixel_values: images(3) });
    device.queue.submit([encoder.finish()]);
    expect(bits((await read(buffers.logits)).slice(0, classes))).toEqual(bits(await logits(images(1))));
    fresh.dispose();
  });

  test("encode refuses what does not fit", () => {
    const { pixel_values, logits: output } = guarded(1);
    const encoder = device.createCommandEncoder();
    const small = device.createBuffer({ size: 4 * classes - 4, usage: storage });
    const unusable = device.createBuffer({ size: 4 * classes, usage: copyDst });
    const encode = (buffers: unknown, batch?: number) => () =>
      model.encode(encoder, buffers as Record<string, GPUBuffer>, batch);
    expect(encode({ pixel_values })).toThrow("no buffer for 'logits'");
    expect(encode({ pixel_values, logits: new Float32Array(10) })).toThrow("no buffer for 'logits'");
    expect(encode({ pixel_values, logits: small })).toThrow("has 36 bytes, not the 40");
    expect(encode({ pixel_values, logits: unusable })).toThrow("lacks the usage STORAGE");
    expect(encode({ pixel_values, logits: output }, 0)).toThrow("for 0 images");
    expect(encode({ pixel_values, logits: output }, 4)).toThrow("for 4 images");
    expect(encode({ pixel_values, logits: output }, 1.5)).toThrow("for 1.5 images");
  });

  test("the descriptor is the one it was made from", () => {
    expect(model.descriptor).toBe(descriptor);
  });
});
