import { describe, test } from "vitest";
import { goldenFiles } from "../../graph/gradients.ts";
import { checkDense, checkFcmae } from "../../node/cli/gradients.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { full } from "../../support/full.ts";

/** What tells one kernel or one mistake from another: building a library takes g++ half a minute. */
const usual = /^micro-(64x64|overlap-act)|micro.*(sample-norm|batch-raw)/;
const chosen = (kind: string): readonly string[] => goldenFiles(kind).filter(file => full || usual.test(file));

describe.runIf(hasGxx)("CUDA kernels give PyTorch's gradients as fibers of a CPU", () => {
  test.each(chosen("dense-grad"))("of a classifier, %s", file => checkDense(file, ["--on", "cuda-cpu"]));
  test.each(chosen("fcmae-grad"))("of a masked autoencoder, %s", file => checkFcmae(file, ["--on", "cuda-cpu"]));
});
