import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { ProfileName } from "../../src/plan/tuning-profiles.ts";
import { full } from "../support/full.ts";
import { type Golden, goldenInput, readGolden } from "../support/golden.ts";
import { goldenModel } from "../support/models.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../support/webgpu-process.ts";
import { compiledWgsl } from "../support/wgsl.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly values: number[] };
}

const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""));
const small = files.filter(file => /micro|stages/.test(file));
/** Minutes on SwiftShader, or gigabytes; or what atto and tiny show as well. */
const slow = /femto|pico|nano|384|base|large|huge/;
/** Tiles for GPUs take SwiftShader ten times as long: barriers are fibres there. */
const onGpuTiles = /micro-(64x64|offset|kernels)/;
const tiled = small.flatMap(file => [
  ...(["swiftshader", "lavapipe"] as const).map(tuning => ({ file, tuning })),
  ...(full || onGpuTiles.test(file) ? [{ file, tuning: "gpu" as const }] : []),
]);
const published = files.filter(file => !small.includes(file) && (full || !slow.test(file)));

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

async function outputs(golden: Golden & Dense, tuning: ProfileName, taps: readonly string[]) {
  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const found = await (gpu as WebgpuProcess).run({
    descriptor: compiledWgsl({ model: goldenModel(golden), tuning, batch, taps }),
    weights: { kind: "generated", seed: golden.seed, rows: golden.params },
    runs: [{ pixel_values: Float32Array.from(values) }],
  });
  return found.outputs[0] ?? {};
}

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's numbers on SwiftShader", { timeout: 240_000 }, () => {
  // Whole stages alone, which no fusion crosses: these are the kernels that users get.
  test.each(tiled)("$file, tiles for $tuning", async ({ file, tuning }) => check(file, tuning, /^stages\.\d+$/));

  // With every module that can be an output as one, most fusions are off.
  test.each(small)("%s, all modules tapped", async file => check(file, "swiftshader", /./));

  // With one of a block alone, the others are fused as far as that allows.
  test.each(["dwconv", "norm", "pwconv1", "act", "grn", "pwconv2"])("%s of every block tapped", async name =>
    check("dense/micro-64x64-b2", "swiftshader", new RegExp(`^stages\\.\\d+\\.\\d+\\.${name}$`)),
  );

  // huge alone takes SwiftShader minutes on two cores, and many where others use them too.
  test.each(published)("%s", { timeout: 1_800_000 }, async file => check(file, "swiftshader", /^stages\.\d+$/));
});

async function check(file: string, tuning: ProfileName, wanted: RegExp): Promise<void> {
  const golden = readGolden<Dense>(file);
  const taps = Object.keys(golden.taps).filter(name => wanted.test(name));
  const found = await outputs(golden, tuning, taps);
  const limits = limitsOf(golden.name);
  expectLogits(found.logits ?? [], golden.logits.values, limits);
  for (const name of taps) expectTap(name, found[name] ?? [], golden.taps[name] as Recorded, limits);
}
