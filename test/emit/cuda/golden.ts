import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { type Golden, readGolden } from "../../support/golden.ts";
import { goldenRun } from "../../support/golden-run.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../../support/tolerance.ts";

export interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly shape: readonly number[]; readonly values: number[] };
}

export const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""))
  .sort();

/** What `cnxc run --on cuda-cpu` gives for a golden file, with more words. */
export async function logitsOf(golden: Golden & Dense, words: readonly string[]) {
  const { cli, outputs } = await goldenRun(golden, ["--on", "cuda-cpu", ...words]);
  expect(cli.stderr).toMatch(/ran on CUDA kernels on the CPU in [\d.]+ ms/);
  expect(cli.code).toBe(0);
  expect(outputs.get("logits")?.shape).toEqual([golden.input.shape[0], golden.spec.num_classes]);
  return { logits: outputs.get("logits")?.data ?? [], outputs };
}

/** Logits, and the outputs of its stages, are PyTorch's; of the usual file, the outputs of all modules. */
export async function check(file: string): Promise<void> {
  const golden = readGolden<Dense>(file);
  const taps = Object.keys(golden.taps).filter(name => /64x64/.test(file) || /^stages\.\d+$/.test(name));
  const limits = limitsOf(golden.name);
  const { logits, outputs } = await logitsOf(golden, ["--taps", taps.join(",")]);
  expectLogits(logits, golden.logits.values, limits);
  for (const name of taps) expectTap(name, outputs.get(name)?.data ?? [], golden.taps[name] as Recorded, limits);
}
