import { describe, expect, test } from "vitest";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { type FcmaeGolden, fcmaeSpecText, grnScopes, type Loss, losses, scopeOf } from "../../support/fcmae.ts";
import { full } from "../../support/full.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenRun } from "../../support/golden-run.ts";
import { expectTap, type Recorded, relL2 } from "../../support/tolerance.ts";

interface Case {
  readonly file: string;
  readonly grn: (typeof grnScopes)[number];
  readonly loss: Loss;
  readonly sites: SiteLayout;
}

const layouts = ["compact", "masked"] as const;
const micro = ["micro-128-b2", "micro-flat-128-b2", "micro-192-b1-depth2"];
const every: readonly Case[] = micro.flatMap(file =>
  grnScopes.flatMap(grn => losses.flatMap(loss => layouts.map(sites => ({ file, grn, loss, sites })))),
);
/** A build takes g++ some seconds: each choice once a file, and the published size where there is time. */
const brief = every.filter(({ grn, loss, sites }) => {
  const first = [grn === grnScopes[0], loss === losses[0], sites === layouts[0]];
  return first.every(is => is) || first.every(is => !is);
});
const published: readonly Case[] = layouts.map(sites => ({
  ...{ file: "atto-224-b2", grn: "per_sample", loss: "norm_pix_loss", sites },
}));
const cases = full ? [...every, ...published] : brief;

/** Relative l2 of `pred` from what f32 gives, which is PyTorch's to 1e-5; the file holds samples of it alone. */
const narrowLimits = { f16: 5e-3, bf16: 3e-2, tf32: 2e-3 } as const;
const options = { f16: ["--dtype", "f16"], bf16: ["--dtype", "bf16"], tf32: ["--tf32"] } as const;
const narrow = full ? (["f16", "bf16", "tf32"] as const) : (["bf16", "tf32"] as const);
const rounded = (full ? cases : brief.slice(0, 1)).flatMap(one => narrow.map(form => ({ ...one, form })));

async function outputsOf({ file, grn, loss, sites }: Case, words: readonly string[]) {
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

describe.runIf(hasGxx)("CUDA kernels give PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases)("$file, grn $grn, $loss, $sites", async one => {
    const stages = [0, 1, 2, 3].map(stage => `encoder.stages.${stage}`);
    const { found, recorded, off } = await outputsOf(one, ["--taps", [...stages, "loss_per_patch"].join(",")]);
    for (const name of [...stages, "pred"]) expectTap(name, found(name), recorded[name] as Recorded);
    expectTap("encoded", found("encoded"), recorded.encoder as Recorded);
    const errors = recorded.loss_per_patch[one.loss].flat();
    expect(found("loss_per_patch").length).toBe(errors.length);
    for (const [i, wanted] of errors.entries())
      expect(Math.abs((found("loss_per_patch")[i] as number) / wanted - 1)).toBeLessThan(1e-5);
    expect(off).toBeLessThan(2e-6);
  });

  test.each(rounded)("$file, grn $grn, $loss, $sites, rounded to $form", async ({ form, ...one }) => {
    const { found, off } = await outputsOf(one, options[form]);
    const wide = await outputsOf(one, []);
    const error = relL2(found("pred"), wide.found("pred"));
    expect(error).toBeLessThan(narrowLimits[form]);
    expect(off).toBeLessThan(narrowLimits[form]);
  });
});
