import { afterAll, beforeAll, describe, test } from "vitest";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { check } from "./fcmae.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

// Kernels compile for seconds; the other files, scopes, losses and layouts: fcmae.targets.test.ts.
describe.runIf(hasSwiftShader)("R25: WebGPU gives PyTorch's numbers of the masked autoencoder", () => {
  test("micro-128-b2, compact", async () =>
    check(
      gpu as WebgpuProcess,
      {
        ...{ file: "micro-128-b2", grn: "per_sample", loss: "norm_pix_loss" },
        ...{ sites: "compact", tuning: "software" },
      } as const,
    ));
});
