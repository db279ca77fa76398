import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate, widen } from "../../src/graph/evaluate.ts";
import type { SiteLayout } from "../../src/passes/site-layout.ts";
import type { TuningName } from "../../src/plan/tile.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, grnScopes, type Loss, losses, scopeOf } from "../support/fcmae.ts";
import { goldenInput, readGolden } from "../support/golden.ts";
import { mustBuild } from "../support/models.ts";
import { expectTap, type Recorded } from "../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../support/webgpu-process.ts";
import { compiledWgsl } from "../support/wgsl.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

interface Case {
  readonly file: string;
  readonly grn: (typeof grnScopes)[number];
  readonly loss: Loss;
  readonly sites: SiteLayout;
  readonly tuning: TuningName;
}

async function check({ file, grn, loss, sites, tuning }: Case): Promise<void> {
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
  const { outputs } = await (gpu as WebgpuProcess).run({
    descriptor: compiledWgsl({ model: given, tuning, batch, taps: stages, sites }),
    weights: { kind: "tensors", tensors },
    runs: [inputs],
  });
  const found = outputs[0] ?? {};
  for (const name of [...stages, "pred"]) expectTap(name, found[name] ?? [], recorded[name] as Recorded);
  expectTap("encoded", found.encoded ?? [], recorded.encoder as Recorded);
  expect(Math.abs((found.loss?.[0] ?? 0) / recorded.loss[loss] - 1)).toBeLessThan(2e-6);
}

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's numbers of the masked autoencoder", { timeout: 240_000 }, () => {
  const files = ["micro-128-b2", "micro-flat-128-b2", "micro-192-b1-depth2"];
  const some = files.flatMap(file =>
    grnScopes.flatMap(grn =>
      (["compact", "masked"] as const).map((sites, i) => ({ file, grn, sites, loss: losses[i] as Loss })),
    ),
  );
  test.each(some)("$file, grn $grn, $loss, $sites", async one => check({ ...one, tuning: "swiftshader" }));
});
