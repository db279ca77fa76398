import { readdirSync } from "node:fs";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { goldenInput, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { expectLogits, expectTap, limitsOf, type Recorded } from "../../support/tolerance.ts";
import type { Job, JobResult, WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

interface Dense {
  readonly taps: Record<string, Recorded>;
  readonly logits: { readonly values: number[] };
}

export const files = ["dense", "options"]
  .flatMap(folder => readdirSync(new URL(`../../golden/${folder}`, import.meta.url)).map(file => `${folder}/${file}`))
  .map(file => file.replace(".json", ""));
export const small = files.filter(file => /micro|stages/.test(file));

interface Wanted {
  readonly file: string;
  readonly tuning: WebgpuProfileName;
  /** Names of modules whose outputs are wanted besides the logits. */
  readonly taps: RegExp;
}

function jobOf({ file, tuning, taps: wanted }: Wanted): Job {
  const golden = readGolden<Dense>(file);
  const taps = Object.keys(golden.taps).filter(name => wanted.test(name));
  const { shape, values } = goldenInput(golden);
  return {
    descriptor: compiledWgsl({ model: goldenModel(golden), tuning, batch: shape[0] as number, taps }),
    weights: { kind: "generated", seed: golden.seed, rows: golden.params },
    runs: [{ pixel_values: Float32Array.from(values) }],
  };
}

/** Logits, and the outputs of modules with such names, are PyTorch's. */
function expectGolden({ file, taps }: Wanted, { outputs: [found = {}] }: JobResult): void {
  const golden = readGolden<Dense>(file);
  const limits = limitsOf(golden.name);
  expectLogits(found.logits ?? [], golden.logits.values, limits);
  for (const name of Object.keys(golden.taps).filter(name => taps.test(name)))
    expectTap(name, found[name] ?? [], golden.taps[name] as Recorded, limits);
}

export async function check(gpu: WebgpuProcess, wanted: Wanted): Promise<void> {
  expectGolden(wanted, await gpu.run(jobOf(wanted)));
}

/** The same of many on one device, which makes a kernel that they share once. */
export async function together(gpu: WebgpuProcess, all: readonly Wanted[]): Promise<readonly (() => void)[]> {
  const results = await gpu.runTogether({ models: all.map(jobOf) });
  return all.map((wanted, i) => () => expectGolden(wanted, results[i] as JobResult));
}
