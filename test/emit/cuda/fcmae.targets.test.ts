import { describe, expect, test } from "vitest";
import { hasGxx } from "../../support/cuda-tools.ts";
import { grnScopes, losses } from "../../support/fcmae.ts";
import { full } from "../../support/full.ts";
import { relL2 } from "../../support/tolerance.ts";
import { type Case, check, outputsOf } from "./fcmae.ts";

const layouts = ["compact", "masked"] as const;
const micro = ["micro-128-b2", "micro-flat-128-b2", "micro-192-b1-depth2"];
const every: readonly Case[] = micro.flatMap(file =>
  grnScopes.flatMap(grn => losses.flatMap(loss => layouts.map(sites => ({ file, grn, loss, sites })))),
);
/** A build takes g++ some seconds: one that makes every other choice, in the full suite all. What learns has the first of each. */
const brief = every.filter(({ file, grn, loss, sites }) => {
  const first = [grn === grnScopes[0], loss === losses[0], sites === layouts[0]];
  return file === "micro-128-b2" && first.every(is => !is);
});
const published: readonly Case[] = layouts.map(sites => ({
  ...{ file: "atto-224-b2", grn: "per_sample", loss: "norm_pix_loss", sites },
}));
const cases = full ? [...every, ...published] : brief;

/** Relative l2 of `pred` from what f32 gives, which is PyTorch's to 1e-5; the file holds samples of it alone. */
const narrowLimits = { f16: 5e-3, bf16: 3e-2, tf32: 2e-3 } as const;
const options = { f16: ["--dtype", "f16"], bf16: ["--dtype", "bf16"], tf32: ["--tf32"] } as const;
const narrow = full ? (["f16", "bf16", "tf32"] as const) : (["bf16"] as const);
const rounded = (full ? cases : brief.slice(0, 1)).flatMap(one => narrow.map(form => ({ ...one, form })));

describe.runIf(hasGxx)("CUDA kernels give PyTorch's numbers of the masked autoencoder", () => {
  test.each(cases)("$file, grn $grn, $loss, $sites", async one => check(one));

  test.each(rounded)("$file, grn $grn, $loss, $sites, rounded to $form", async ({ form, ...one }) => {
    const { found, off } = await outputsOf(one, options[form]);
    const wide = await outputsOf(one, []);
    const error = relL2(found("pred"), wide.found("pred"));
    expect(error).toBeLessThan(narrowLimits[form]);
    expect(off).toBeLessThan(narrowLimits[form]);
  });
});
