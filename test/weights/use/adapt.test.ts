import { describe, expect, test } from "vitest";
import { joined } from "../../../src/weights/pieces.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { type Conversion, convertWeights } from "../../../src/weights/use/convert.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const micro = readGolden("dense/micro-64x64-b2");
const weights = goldenWeights(micro);
const rows: readonly Row[] = await Promise.all(
  goldenParams(micro).map(async row => ({ ...row, values: await weights.f32(row.name) })),
);
const stemName = "downsample_layers.0.0.weight";
const stem = await weights.f32(stemName);

async function adapted(of: readonly Row[], change: Partial<NonNullable<Conversion["adaptation"]>>, to?: "timm") {
  const adaptation = { channels: null, classes: null, ...change };
  const result = convertWeights(fileOf(of), { to: to ?? null, allowUnused: false, adaptation });
  if (!result.ok) return { told: result.diagnostics.map(({ code, message }) => `${code}: ${message}`) };
  const values = new Map<string, Float32Array>();
  for (const { name, shape, bytes } of result.value.tensors) {
    const whole = await joined(await bytes(), 4 * elements(shape));
    values.set(name, new Float32Array(whole.buffer, whole.byteOffset, whole.byteLength / 4));
  }
  const shapes = Object.fromEntries(result.value.tensors.map(({ name, shape }) => [name, shape]));
  return { values, shapes, notes: result.value.notes, told: [] };
}

describe("--in-chans", () => {
  test("1: the sum over the three", async () => {
    const { values, shapes, notes } = await adapted(rows, { channels: 1 });
    expect(shapes?.[stemName]).toEqual([8, 1, 4, 4]);
    const sum = (o: number, t: number) =>
      Math.fround(Math.fround((stem[o * 48 + t] ?? 0) + (stem[o * 48 + 16 + t] ?? 0)) + (stem[o * 48 + 32 + t] ?? 0));
    expect(values?.get(stemName)).toEqual(Float32Array.from({ length: 128 }, (_, k) => sum(k >> 4, k & 15)));
    expect(notes).toEqual([`${stemName} [8, 1, 4, 4]: summed over 3 channels`]);
  });

  test.each([2, 4, 6])("%i: red, green, blue in turn, times 3/N", async channels => {
    const { values, shapes } = await adapted(rows, { channels });
    expect(shapes?.[stemName]).toEqual([8, channels, 4, 4]);
    const found = values?.get(stemName) ?? [];
    for (let o = 0; o < 8; o++)
      for (let c = 0; c < channels; c++)
        for (let t = 0; t < 16; t++)
          expect(found[(o * channels + c) * 16 + t]).toBe(
            Math.fround(Math.fround(3 / channels) * (stem[o * 48 + (c % 3) * 16 + t] ?? 0)),
          );
  });

  test("3 is what it is; other channels have no rule", async () => {
    expect((await adapted(rows, { channels: 3 })).values?.get(stemName)).toEqual(stem);
    const grey = rows.map(row => (row.name === stemName ? { name: stemName, shape: [8, 1, 4, 4] } : row));
    expect((await adapted(grey, { channels: 3 })).told).toEqual([
      "weights-not-adapted: --in-chans cannot be done: the stem takes 1 channels, not 3",
    ]);
    const state = goldenParams(readGolden("fcmae/micro-128-b2"));
    expect((await adapted(state, { channels: 1 })).told).toEqual([
      "weights-not-adapted: --in-chans cannot be done: the decoder predicts patches of 3 channels",
    ]);
  });
});

describe("--classes", () => {
  test("a head of zeros instead of the file's, in any naming", async () => {
    const { values, shapes, notes } = await adapted(rows, { classes: 7 }, "timm");
    expect(shapes).toMatchObject({ "head.fc.weight": [7, 40], "head.fc.bias": [7] });
    expect(values?.get("head.fc.weight")).toEqual(new Float32Array(280));
    expect(values?.get("head.norm.weight")).toEqual(await weights.f32("norm.weight"));
    expect(notes).toEqual(["head.weight [7, 40], head.bias [7]: new, zeros"]);
  });

  test("0 leaves it out", async () => {
    const { shapes, notes } = await adapted(rows, { classes: 0 });
    expect(Object.keys(shapes ?? {}).filter(name => /^(head|norm)/.test(name))).toEqual(["norm.weight", "norm.bias"]);
    expect(notes).toEqual(["head.weight, head.bias: left out"]);
  });

  test("an encoder gets the final LayerNorm too", async () => {
    const encoder = rows.filter(({ name }) => /^(down|stages)/.test(name));
    const { values, notes } = await adapted(encoder, { classes: 2 });
    expect(values?.get("norm.weight")).toEqual(new Float32Array(40).fill(1));
    expect(values?.get("norm.bias")).toEqual(new Float32Array(40));
    expect(notes).toHaveLength(2);
  });

  test("a state of pre-training becomes a classifier's start: official names, no decoder, any channels", async () => {
    const state = goldenParams(readGolden("fcmae/micro-128-b2"));
    const { shapes, notes } = await adapted(state, { classes: 7, channels: 1 });
    const classifier = goldenParams(micro).map(({ name, shape }) => [name, shape] as const);
    const wanted = { ...Object.fromEntries(classifier), "head.weight": [7, 40], "head.bias": [7] };
    expect(shapes).toEqual({ ...wanted, [stemName]: [8, 1, 4, 4] });
    expect(notes?.at(-1)).toMatch(/^mask_token, proj.weight, .* and \d+ more: left out$/);
    expect(told(state, 7)).toEqual(["weights-head-zero"]);
    expect(told(state, 0)).toEqual([]);
  });
});

/** What is said of a file whose head is made anew. */
const told = (of: readonly Row[], classes: number) =>
  convertWeights(fileOf(of), { to: null, allowUnused: false, adaptation: { channels: null, classes } }).diagnostics.map(
    ({ code }) => code,
  );
