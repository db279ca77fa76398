import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { goldenFiles } from "../../graph/gradients.ts";
import { full } from "../../support/full.ts";
import { denseGradients, expectGradients, fcmaeGradients, float32Gradients } from "../../support/gradients.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { gradientsOf, longSums } from "./gradients.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's gradients", () => {
  // What tells one kernel or one mistake from another; a file takes seconds of a software adapter.
  const usual = /^micro-(64x64|overlap-act|rmsnorm)|micro.*batch-raw/;
  const chosen = (kind: string): readonly string[] => goldenFiles(kind).filter(file => full || usual.test(file));
  const check = async (
    file: string,
    recording: ReturnType<typeof denseGradients> | ReturnType<typeof fcmaeGradients>,
    tiles: WebgpuProfileName = "software",
  ) => {
    const found = await gradientsOf(gpu as WebgpuProcess, recording, undefined, tiles);
    const limits = float32Gradients(file);
    expect(Math.abs((found.loss?.[0] ?? 0) / recording.golden.loss - 1)).toBeLessThan(limits.loss);
    expectGradients(recording.golden, name => ({ data: found[`grad.${name}`] ?? [] }), limits);
  };
  test.each(chosen("dense-grad"))("of a classifier, %s", file => check(file, denseGradients(file)));
  test.each(chosen("fcmae-grad"))("of a masked autoencoder, %s", file => check(file, fcmaeGradients(file)));

  test.runIf(full).each(chosen("dense-grad"))("of a classifier, in tiles for SwiftShader, %s", file =>
    check(file, denseGradients(file), "swiftshader"),
  );
  test.runIf(full).each(chosen("fcmae-grad"))("of a masked autoencoder, in tiles for SwiftShader, %s", file =>
    check(file, fcmaeGradients(file), "swiftshader"),
  );

  // These take a software adapter ten times as long, since barriers are fibres there: random models have them too.
  test.runIf(full).each(chosen("dense-grad"))("of a classifier, in tiles for GPUs, %s", file =>
    check(file, denseGradients(file), "gpu"),
  );
  test.runIf(full).each(chosen("fcmae-grad"))("of a masked autoencoder, in tiles for GPUs, %s", file =>
    check(file, fcmaeGradients(file), "gpu"),
  );
});

describe.runIf(hasSwiftShader)("WebGPU's sums over 327,680 rows keep their digits", () => {
  test.each(full ? [0, 0.5] : [0.5])("of values with mean %d", async mean =>
    expect(await longSums(gpu as WebgpuProcess, mean)).toBeLessThan(3e-6),
  );
  test.runIf(full)("in tiles for GPUs", async () =>
    expect(await longSums(gpu as WebgpuProcess, 0.5, undefined, "gpu")).toBeLessThan(3e-6),
  );
});
