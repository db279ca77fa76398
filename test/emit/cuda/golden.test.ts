import { describe, test } from "vitest";
import { hasGxx } from "../../support/cuda-tools.ts";
import { check } from "./golden.ts";

describe.runIf(hasGxx)("CUDA kernels give PyTorch's numbers as fibers of a CPU", () => {
  // A build takes g++ some seconds; the other files: golden.targets.test.ts.
  test("options/micro-kernels-3-5-7-9-64x96-b1", async () => check("options/micro-kernels-3-5-7-9-64x96-b1"));
});
