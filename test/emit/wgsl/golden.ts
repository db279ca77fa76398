import { readdirSync } from "node:fs";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { type Golden, goldenInput, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../../support/tolerance.ts";
import type { WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly values: number[] };
}

export const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""));
export const small = files.filter(file => /micro|stages/.test(file));

async function outputs(gpu: WebgpuProcess, golden: Golden & Dense, tuning: WebgpuProfileName, taps: readonly string[]) {
  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const found = await gpu.run({
    descriptor: compiledWgsl({ model: goldenModel(golden), tuning, batch, taps }),
    weights: { kind: "generated", seed: golden.seed, rows: golden.params },
    runs: [{ pixel_values: Float32Array.from(values) }],
  });
  return found.outputs[0] ?? {};
}

/** Logits, and the outputs of modules with such names, are PyTorch's. */
export async function check(
  gpu: WebgpuProcess,
  file: string,
  tuning: WebgpuProfileName,
  wanted: RegExp,
): Promise<void> {
  const golden = readGolden<Dense>(file);
  const taps = Object.keys(golden.taps).filter(name => wanted.test(name));
  const found = await outputs(gpu, golden, tuning, taps);
  const limits = limitsOf(golden.name);
  expectLogits(found.logits ?? [], golden.logits.values, limits);
  for (const name of taps) expectTap(name, found[name] ?? [], golden.taps[name] as Recorded, limits);
}
