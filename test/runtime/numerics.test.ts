import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../src/graph/evaluate.ts";
import { createModel, type Model } from "../../src/runtime/model.ts";
import { adapter, testDevice } from "../support/gpu.ts";
import { feed } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";
import { bits, classes, create, descriptor, graph, imageSize, images, tensors, weights } from "./support.ts";

describe.skipIf(adapter === null)("values out of the ordinary", () => {
  let device: GPUDevice;
  let model: Model;
  beforeAll(async () => {
    device = await testDevice();
    model = await create(device);
  });
  afterAll(() => device?.destroy());

  const run = async (values: Float32Array, on = model): Promise<Float32Array> =>
    (await on.run({ pixel_values: values })).logits ?? new Float32Array();
  const reference = async (values: Float32Array, from = weights) =>
    evaluate(graph, await feed(graph, from, values, values.length / imageSize)).get("logits")?.data ?? [];

  test.each([
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
    ["minus infinite", Number.NEGATIVE_INFINITY],
  ])("R26, R28: one %s pixel spoils its own image, and no other", async (_, value) => {
    const clean = images(3);
    const wanted = await run(clean);
    for (const spoilt of [0, 1, 2]) {
      const values = clean.slice();
      values[spoilt * imageSize + 77] = value;
      const found = await run(values);
      for (const image of [0, 1, 2]) {
        const logits = found.slice(image * classes, (image + 1) * classes);
        if (image === spoilt) expect([...logits].filter(Number.isFinite)).toEqual([]);
        else expect(bits(logits)).toEqual(bits(wanted.slice(image * classes, (image + 1) * classes)));
      }
    }
    expect(bits(await run(clean))).toEqual(bits(wanted));
  });

  test.each([
    ["all zero", () => 0],
    ["all 0.5", () => 0.5],
    ["all -1e4", () => -1e4],
    ["smallest normal numbers", () => 1.2e-38],
    ["1e4 and -1e4", (i: number) => (i % 2 === 0 ? 1e4 : -1e4)],
    ["1e4 times noise", (_: number, x: number) => 1e4 * x],
    ["1e18", () => 1e18],
    ["1e-4 times noise", (_: number, x: number) => 1e-4 * x],
  ])("R29, R30: an image of %s", async (_, value) => {
    const values = images(1).map((x, i) => value(i, x));
    const found = await run(values);
    const wanted = await reference(values);
    expect([...found].every(Number.isFinite)).toBe(true);
    expect(relL2(found, wanted)).toBeLessThan(1e-5);
  });

  // The variance of such values is beyond f32, so LayerNorm gives its shift: finite, as the float64 reference, but no more.
  test.each([1e38, -1e38])("R30: an image of %d is of the reference's class", async value => {
    const values = images(1).fill(value);
    const [found, wanted] = [await run(values), await reference(values)];
    expect([...wanted].every(Number.isFinite)).toBe(true);
    expect([...found].every(Number.isFinite)).toBe(true);
  });

  /** The tiny model with some of its weights replaced. */
  async function changed(change: Readonly<Record<string, (values: Float32Array) => Float32Array>>) {
    const all = Object.fromEntries(
      Object.entries(tensors).map(([name, values]) => [name, change[name]?.(values.slice()) ?? values]),
    );
    const made = await createModel(descriptor, { device, weights: all });
    const f32 = async (name: string) => all[name] ?? new Float32Array();
    const values = images(2);
    const [found, wanted] = [await run(values, made), await reference(values, { origin: "changed", f32 })];
    made.dispose();
    expect([...found].every(Number.isFinite)).toBe(true);
    expect(relL2(found, wanted)).toBeLessThan(1e-5);
  }
  const hidden = 24;
  const zero = (values: Float32Array) => values.fill(0);

  test("R32: hidden channels that are zero everywhere: GRN leaves their beta", () =>
    changed({
      "stages.0.0.pwconv1.weight": values => values.fill(0, 0, (values.length / hidden) * 5),
      "stages.0.0.pwconv1.bias": values => values.fill(0, 0, 5),
    }));

  test("R32: all hidden channels zero: the mean of norms is only its epsilon", () =>
    changed({ "stages.0.0.pwconv1.weight": zero, "stages.0.0.pwconv1.bias": zero }));

  test("a fresh GRN is the identity", () => changed({ "stages.0.0.grn.gamma": zero, "stages.0.0.grn.beta": zero }));

  test("R38: GELU at 1e4, where its erf has long been 1", () =>
    changed({ "stages.0.0.pwconv1.bias": values => values.map((_, i) => (i % 2 === 0 ? 1e4 : -1e4)) }));

  test("R38: GELU at 88, where an exp would overflow", () =>
    changed({ "stages.0.0.pwconv1.bias": values => values.map((_, i) => (i % 2 === 0 ? 88 : -88)) }));

  test("all weights zero", () =>
    changed(
      Object.fromEntries(
        Object.keys(tensors)
          .filter(name => name !== "head.bias")
          .map(name => [name, zero]),
      ),
    ));
});
