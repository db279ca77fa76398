import { expect } from "vitest";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, type grnScopes, type Loss, scopeOf } from "../../support/fcmae.ts";
import { goldenInput, readGolden } from "../../support/golden.ts";
import { mustBuild } from "../../support/models.ts";
import { expectTap, type Recorded } from "../../support/tolerance.ts";
import type { WebgpuProcess } from "../../support/webgpu-process.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

export interface Case {
  readonly file: string;
  readonly grn: (typeof grnScopes)[number];
  readonly loss: Loss;
  readonly sites: SiteLayout;
  readonly tuning: WebgpuProfileName;
}

/** Outputs of the stages, prediction and loss are PyTorch's. */
export async function check(gpu: WebgpuProcess, { file, grn, loss, sites, tuning }: Case): Promise<void> {
  const golden = readGolden<FcmaeGolden>(`fcmae/${file}`);
  const recorded = scopeOf(golden, grn);
  const given = fcmaeModel(golden, grn, loss);
  const stages = Object.keys(recorded).filter(name => name.startsWith("encoder.stages"));
  const weights = denseWeights(golden);
  const tensors = new Map<string, Float32Array>();
  for (const node of mustBuild(given).nodes.values())
    if (node.op === "param") tensors.set(node.id, await weights.f32(node.id));
  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const inputs = { pixel_values: Float32Array.from(values), mask: Float32Array.from(golden.mask.flat()) };
  const { outputs } = await gpu.run({
    descriptor: compiledWgsl({ model: given, tuning, batch, taps: stages, sites }),
    weights: { kind: "tensors", tensors },
    runs: [inputs],
  });
  const found = outputs[0] ?? {};
  for (const name of [...stages, "pred"]) expectTap(name, found[name] ?? [], recorded[name] as Recorded);
  expectTap("encoded", found.encoded ?? [], recorded.encoder as Recorded);
  expect(Math.abs((found.loss?.[0] ?? 0) / recorded.loss[loss] - 1)).toBeLessThan(2e-6);
}
