import { describe, test } from "vitest";
import { hasGxx } from "../../support/cuda-tools.ts";
import { check } from "./fcmae.ts";

// One build of g++; the other files, scopes, losses and layouts: fcmae.targets.test.ts.
describe.runIf(hasGxx)("CUDA kernels give PyTorch's numbers of the masked autoencoder", () => {
  test("micro-128-b2, compact", async () =>
    check({ file: "micro-128-b2", grn: "per_sample", loss: "norm_pix_loss", sites: "compact" }));
});
