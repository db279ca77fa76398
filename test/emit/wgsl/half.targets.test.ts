import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AdapterKind, findAdapter } from "../../../src/node/gpu/adapters.ts";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { full } from "../../support/full.ts";
import { type Golden, goldenInput, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { relL2, topClasses } from "../../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl, plannedWgsl } from "../../support/wgsl.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

/** Logits rel_l2 of 16-bit storage, from "Tolerances" of test/golden/README.md; the eps file does not fit f16. */
const limit = 5e-3;
const micro = readdirSync(new URL("../../golden/dense", import.meta.url))
  .map(file => `dense/${file.replace(".json", "")}`)
  .filter(file => /micro/.test(file) && !/eps|offset/.test(file));
const published = ["dense/atto-224x224-b1", ...(full ? ["dense/tiny-224x224-b1"] : [])];
/** Each is compiled anew, where kernels that sizes share are compiled for all files. */
const some = micro.filter(file => full || /micro-64x64|odd-33/.test(file));

const hasLavapipe = (await findAdapter("lavapipe")).ok;

/** SwiftShader has no `shader-f16`, lavapipe has: one runs what unpacks words, the other f16 itself. */
describe.each([
  { kind: "swiftshader", there: hasSwiftShader },
  { kind: "lavapipe", there: hasLavapipe },
] as const)("f16 in WGSL on $kind", ({ kind, there }) => {
  let gpu: WebgpuProcess | undefined;
  beforeAll(async () => {
    if (there) gpu = await startWebgpu(kind as AdapterKind);
  });
  afterAll(() => gpu?.end());

  async function logitsOf(
    golden: Golden & Dense,
    half: boolean,
    tuning: WebgpuProfileName = kind,
  ): Promise<Float32Array> {
    const { shape, values } = goldenInput(golden);
    const found = await (gpu as WebgpuProcess).run({
      descriptor: compiledWgsl({ model: goldenModel(golden), tuning, batch: shape[0] as number, half }),
      weights: { kind: "generated", seed: golden.seed, rows: golden.params },
      runs: [{ pixel_values: Float32Array.from(values) }],
    });
    return found.outputs[0]?.logits ?? new Float32Array();
  }

  describe.runIf(there)("gives PyTorch's numbers", () => {
    // lavapipe takes a minute to compile each.
    test.each(full ? [...some, ...published] : some.slice(0, kind === "lavapipe" ? 1 : undefined))("%s", async file => {
      const golden = readGolden<Dense>(file);
      const logits = await logitsOf(golden, true);
      const off = relL2(logits, golden.logits.values);
      if (full) console.info(kind, file, off);
      expect(off).toBeLessThan(limit);
      expect(off).toBeGreaterThan(1e-4); // else nothing was kept in 16 bits
      const images = golden.input.shape[0] as number;
      expect(topClasses(logits, images, 5)).toEqual(topClasses(golden.logits.values, images, 5));
    });
    // lavapipe takes half a minute to compile them.
    test.each(kind === "swiftshader" || full ? micro : some.slice(0, 1))("%s, kernels shared", async file => {
      const golden = readGolden<Dense>(file);
      const off = relL2(await logitsOf(golden, true, "software"), golden.logits.values);
      expect(off).toBeLessThan(limit);
      expect(off).toBeGreaterThan(1e-4);
    });
  });
});

describe("what is kept in 16 bits", () => {
  test("maps between kernels and the matrices of products; no input, output, statistic or bias", () => {
    const plan = plannedWgsl({ model: goldenModel(readGolden("dense/atto-224x224-b1")), half: true }).plan;
    const widths = (names: RegExp) =>
      new Set([...plan.buffers.values()].filter(({ name }) => names.test(name)).map(({ storage }) => storage));
    expect([
      ...widths(/^stages\.\d\.\d\.(norm|act|pwconv2)$|pwconv[12]\.packed$|dwconv\.packed$|^head\.packed$/),
    ]).toEqual(["f16"]);
    expect([...widths(/packed_bias|squares|scale|^pixel_values$|^head$|\.beta$/)]).toEqual(["f32"]);
    const wide = plannedWgsl({ model: goldenModel(readGolden("dense/atto-224x224-b1")) }).plan;
    expect(plan.arenas.reduce((a, b) => a + b) / wide.arenas.reduce((a, b) => a + b)).toBeLessThan(0.55);
  });
});
