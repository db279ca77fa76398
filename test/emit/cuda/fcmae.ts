import { expect } from "vitest";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { type FcmaeGolden, fcmaeSpecText, type grnScopes, type Loss, scopeOf } from "../../support/fcmae.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenRun } from "../../support/golden-run.ts";
import { expectTap, type Recorded } from "../../support/tolerance.ts";

export interface Case {
  readonly file: string;
  readonly grn: (typeof grnScopes)[number];
  readonly loss: Loss;
  readonly sites: SiteLayout;
}

/** What `cnxc run --on cuda-cpu` gives for a golden file, with more words. */
export async function outputsOf({ file, grn, loss, sites }: Case, words: readonly string[]) {
  const golden = readGolden<FcmaeGolden>(`fcmae/${file}`);
  const { cli, outputs } = await goldenRun(golden, ["--on", "cuda-cpu", "--sites", sites, ...words], {
    given: {
      spec: fcmaeSpecText(golden, grn, loss),
      mask: golden.mask,
    },
  });
  expect(cli.stderr).toMatch(/ran on CUDA kernels on the CPU in [\d.]+ ms/);
  expect(cli.code).toBe(0);
  const recorded = scopeOf(golden, grn);
  const found = (name: string): Float32Array => outputs.get(name)?.data ?? new Float32Array();
  expect(outputs.get("loss")?.shape).toEqual([1]);
  return { outputs, found, recorded, off: Math.abs((found("loss")[0] ?? 0) / recorded.loss[loss] - 1) };
}

/** Outputs of the stages, prediction and loss are PyTorch's. */
export async function check(one: Case): Promise<void> {
  const stages = [0, 1, 2, 3].map(stage => `encoder.stages.${stage}`);
  const { found, recorded, off } = await outputsOf(one, ["--taps", [...stages, "loss_per_patch"].join(",")]);
  for (const name of [...stages, "pred"]) expectTap(name, found(name), recorded[name] as Recorded);
  expectTap("encoded", found("encoded"), recorded.encoder as Recorded);
  const errors = recorded.loss_per_patch[one.loss].flat();
  expect(found("loss_per_patch").length).toBe(errors.length);
  for (const [i, wanted] of errors.entries())
    expect(Math.abs((found("loss_per_patch")[i] as number) / wanted - 1)).toBeLessThan(1e-5);
  expect(off).toBeLessThan(2e-6);
}
