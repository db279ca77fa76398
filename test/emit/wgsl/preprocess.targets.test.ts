import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { preprocessWgsl } from "../../../src/emit/wgsl/preprocess.ts";
import { validateWgsl } from "../../../src/node/gpu/dawn.ts";
import { fitPicture } from "../../../src/preprocess/fit.ts";
import { type Picture, pictureOf, toBatch, toRgba } from "../../../src/preprocess/picture.ts";
import type { RgbaImage } from "../../../src/runtime/preprocess.ts";
import { apart, torchvisionCases } from "../../preprocess/pictures.ts";
import { nagaError } from "../../support/naga.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";

const inputs = [
  { width: 224, height: 224 },
  { width: 384, height: 384 },
  { width: 96, height: 160 },
];

test.each(inputs)("Tint and naga take the kernels for $width×$height", async input => {
  const code = preprocessWgsl(input);
  expect(await validateWgsl(code)).toEqual({ ok: true, value: [], diagnostics: [] });
  expect(nagaError(code)).toBe(null);
});

const cases = torchvisionCases().map(one => {
  const { picture, input } = one;
  return { ...one, title: `${picture.width}×${picture.height} to ${input.width}×${input.height}` };
});
const imageOf = (picture: Picture): RgbaImage => ({ ...picture, data: toRgba(picture) });
const descriptorOf = (input: { readonly width: number; readonly height: number }) => ({
  name: "test",
  width: input.width,
  height: input.height,
  code: preprocessWgsl(input),
});

describe.runIf(hasSwiftShader)("WGSL fits images as torchvision does", () => {
  let gpu: WebgpuProcess;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu?.end());

  test.each(cases)("$title", async ({ picture, input }) => {
    const found = await gpu.preprocess({ descriptor: descriptorOf(input), images: [imageOf(picture)] });
    const expected = toBatch([fitPicture(picture, input)]);
    expect(found.length).toBe(expected.length);
    const { steps, share } = apart(found, expected);
    expect(steps).toBeLessThan(1.001);
    expect(share).toBeLessThan(1e-3);
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
    const expected = toBatch(pictures.map(picture => fitPicture(picture, input)));
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
