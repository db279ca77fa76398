import { describe, expect, test } from "vitest";
import { fnv1a } from "../../../src/weights/made/fnv1a.ts";
import { randomSeed, randomWeights } from "../../../src/weights/made/random.ts";
import { stableLog } from "../../../src/weights/made/streams.ts";
import type { Param } from "../../../src/weights/tensor.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";

const params: readonly Param[] = [
  ...goldenParams(readGolden("dense/micro-64x64-b2")),
  { name: "stages.0.0.gamma", shape: [8] },
  { name: "head.weight", shape: [1000, 320] },
];
const fcmae = goldenParams(readGolden("fcmae/micro-128-b2"));

const moments = (values: Float32Array): { mean: number; std: number; most: number } => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  return { mean, std, most: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) };
};

describe("random weights", () => {
  test.each([
    ["stages.0.0.grn.gamma", 0],
    ["stages.0.0.grn.beta", 0],
    ["stages.0.0.norm.weight", 1],
    ["stages.0.0.norm.bias", 0],
    ["downsample_layers.0.1.weight", 1],
    ["stages.0.0.pwconv1.bias", 0],
    ["head.bias", 0],
    ["stages.0.0.gamma", Math.fround(0.25)],
  ])("%s starts as %d", async (name, value) => {
    const values = await randomWeights(7, params, 0.25).f32(name);
    expect(values.every(x => x === value)).toBe(true);
  });

  test("kernels and linear layers are normal with std 0.02", async () => {
    const values = await randomWeights(7, params).f32("head.weight");
    const { mean, std, most } = moments(values);
    // 320,000 draws: the standard errors are 3.5e-5 and 2.5e-5.
    expect(Math.abs(mean)).toBeLessThan(1.5e-4);
    expect(Math.abs(std - 0.02)).toBeLessThan(1e-4);
    expect(most).toBeGreaterThan(4 * 0.02);
    const within = values.filter(x => Math.abs(x) < 0.02).length / values.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.004);
  });

  test("with a standard deviation of its own every weight has it, those of a masked autoencoder too", async () => {
    const weights = randomWeights(7, fcmae, 1e-6, 0.05);
    for (const { name, shape } of fcmae) {
      const values = await weights.f32(name);
      const { std, most } = moments(values);
      const drawn = name === "mask_token" || (/\.(weight|kernel)$/.test(name) && shape.length > 1);
      if (drawn) expect(Math.abs(std / 0.05 - 1), name).toBeLessThan(4 / Math.sqrt(values.length));
      else expect(most === 0 || values.every(value => value === 1), name).toBe(true);
    }
  });

  test("a masked autoencoder starts as the official one", async () => {
    const weights = randomWeights(7, fcmae);
    // A normal of std 1 cut at 2 has std 0.8796.
    const depthwise = moments(await weights.f32("encoder.stages.3.0.dwconv.kernel"));
    expect(depthwise.most).toBeLessThanOrEqual(2);
    expect(Math.abs(depthwise.std - 0.8796)).toBeLessThan(0.05);
    expect(moments(await weights.f32("mask_token")).most).toBeLessThan(0.1);
    expect(moments(await weights.f32("encoder.downsample_layers.1.1.kernel")).most).toBeLessThan(0.1);
    const linear = moments(await weights.f32("decoder.0.pwconv2.weight"));
    expect(linear.most).toBeLessThanOrEqual(1 / Math.sqrt(2048));
    expect(Math.abs(linear.std - 1 / Math.sqrt(3 * 2048))).toBeLessThan(1e-4);
    for (const { name } of fcmae) await weights.f32(name);
  });

  test("every seed and every name has a stream of its own", async () => {
    const draw = (seed: number, name: string) => randomWeights(seed, params).f32(name);
    const first = await draw(1, "stages.2.0.pwconv1.weight");
    expect(await draw(1, "stages.2.0.pwconv1.weight")).toEqual(first);
    expect(await draw(2, "stages.2.0.pwconv1.weight")).not.toEqual(first);
    expect(await draw(1, "stages.2.1.pwconv1.weight")).not.toEqual(first);
  });

  test("the bits are pinned", async () => {
    const values = await randomWeights(7, params).f32("head.weight");
    expect([...values.subarray(0, 3)]).toEqual([-0.009289354085922241, -0.023199325427412987, -0.00726674497127533]);
    // The same algorithm written again in Python gives the same bytes.
    expect(fnv1a(new Uint8Array(values.buffer))).toBe(1296063755);
  });

  test("the logarithm", () => {
    for (let k = 1; k < 100_000; k++) {
      const x = k / 100_000;
      expect(Math.abs(stableLog(x) - Math.log(x))).toBeLessThanOrEqual(4 * 2 ** -53 * Math.abs(Math.log(x)));
    }
    expect(stableLog(2 ** -63)).toBeCloseTo(-63 * Math.LN2, 12);
  });
});

describe("random:SEED", () => {
  test.each(["random:0", "random:7", "random:4294967295"])("%s", text => {
    expect(randomSeed(text)).toMatchObject({ ok: true, value: Number(text.slice(7)) });
  });
  test.each(["random:", "random:-1", "random:1.5", "random:01", "random:4294967296", "random:x", "7"])(
    "not %s",
    text => {
      expect(randomSeed(text)).toMatchObject({ ok: false, diagnostics: [{ code: "weights-seed" }] });
    },
  );
});
