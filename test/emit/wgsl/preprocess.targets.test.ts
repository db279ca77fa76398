import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { preprocessKernelProblems, preprocessWgsl } from "../../../src/emit/wgsl/preprocess.ts";
import { usualPreprocess } from "../../../src/model/preprocess.ts";
import { validateWgsl } from "../../../src/node/gpu/dawn.ts";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { type Picture, pictureOf, toBatch, toRgba } from "../../../src/preprocess/picture.ts";
import type { RgbaImage } from "../../../src/runtime/pictures/sources.ts";
import { apart, pillowCases, receiver, seededPicture, torchvisionCases } from "../../preprocess/pictures.ts";
import { nagaError } from "../../support/naga.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";

const inputs = [
  { width: 224, height: 224 },
  { width: 384, height: 384 },
  { width: 96, height: 160 },
];

test.each(inputs)("Tint and naga take the kernels for $width×$height", async input => {
  const code = preprocessWgsl(receiver(input));
  expect(await validateWgsl(code)).toEqual({ ok: true, value: [], diagnostics: [] });
  expect(nagaError(code)).toBe(null);
});

const cases = torchvisionCases().map(one => {
  const { picture, input } = one;
  return { ...one, title: `${picture.width}×${picture.height} to ${input.width}×${input.height}` };
});
const filters = pillowCases().filter(({ model }) => preprocessKernelProblems(model).length === 0);

test.each(filters.slice(0, 4))("Tint and naga take the filter of $title", async ({ model }) => {
  const code = preprocessWgsl(model);
  expect(await validateWgsl(code)).toEqual({ ok: true, value: [], diagnostics: [] });
  expect(nagaError(code)).toBe(null);
});

const imageOf = (picture: Picture): RgbaImage => ({ ...picture, data: toRgba(picture) });
const descriptorOf = (input: { readonly width: number; readonly height: number }) => ({
  name: "test",
  width: input.width,
  height: input.height,
  code: preprocessWgsl(receiver(input)),
});

describe.runIf(hasSwiftShader)("WGSL fits images as torchvision does", () => {
  let gpu: WebgpuProcess;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu?.end());

  test.each(cases)("$title", async ({ picture, input }) => {
    const found = await gpu.preprocess({ descriptor: descriptorOf(input), images: [imageOf(picture)] });
    const expected = toBatch([fitPicture(picture, receiver(input))], receiver(input).preprocess);
    expect(found.length).toBe(expected.length);
    const { steps, share } = apart(found, expected);
    expect(steps).toBeLessThan(1.001);
    expect(share).toBeLessThan(1e-3);
  });

  test.each(filters)("$title, as Pillow does", async ({ picture, model }) => {
    const descriptor = { name: "test", ...model.input, code: preprocessWgsl(model) };
    const found = await gpu.preprocess({ descriptor, images: [imageOf(picture)] });
    const expected = toBatch([fitPicture(picture, model)], model.preprocess);
    expect(found.length).toBe(expected.length);
    const { steps, share } = apart(found, expected);
    expect(steps).toBeLessThan(1.001);
    expect(share).toBeLessThan(1e-2);
  });

  test("two of three bands, with numbers of their own", async () => {
    const input = { height: 8, width: 8, channels: 2 };
    const own = { ...usualPreprocess(input), bands: [2, 0], mean: [0.1, 0.2], std: [0.5, 2] };
    const model = { input, preprocess: { ...own, resize: { mode: "squash", height: 8, width: 8 } as const } };
    const picture = seededPicture(3, input);
    const descriptor = { name: "test", ...input, code: preprocessWgsl(model) };
    const found = await gpu.preprocess({ descriptor, images: [imageOf(picture), imageOf(picture)] });
    const expected = toBatch([picture, picture], model.preprocess);
    expect(found.length).toBe(expected.length);
    expected.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5);
    });
  });

  test("several images of different sizes, one of them transparent", async () => {
    const input = { width: 96, height: 96 };
    const [first, second] = cases.slice(3, 5).map(({ picture }) => picture);
    if (first === undefined || second === undefined) throw new Error("unreachable");
    const { width, height } = second;
    const data = toRgba(second).map((value, i) => (i % 4 === 3 ? (i * 7) % 256 : value));
    const found = await gpu.preprocess({
      descriptor: descriptorOf(input),
      images: [imageOf(first), { width, height, data }],
    });
    const pictures = [first, pictureOf(data, width, height, 3)];
    const model = receiver(input);
    const expected = toBatch(
      pictures.map(picture => fitPicture(picture, model)),
      model.preprocess,
    );
    expect(found.length).toBe(expected.length);
    expect(apart(found, expected, 2).steps).toBeLessThan(1.001);
  });

  test("what is no image is refused", async () => {
    const descriptor = descriptorOf({ width: 32, height: 32 });
    const refused = (...images: readonly RgbaImage[]) => expect(gpu.preprocess({ descriptor, images })).rejects;
    await refused().toThrow("InputError: there is no image");
    await refused({ width: 3, height: 2, data: new Uint8Array(23) }).toThrow("3x2 pixels has 23 bytes of RGBA");
    await refused({ width: 0, height: 2, data: new Uint8Array() }).toThrow("0x2 pixels");
    await refused({ width: 1, height: 4000, data: new Uint8Array(16000) }).toThrow("too long");
  });
});
