import { afterAll, beforeAll, describe, test } from "vitest";
import { full } from "../../support/full.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { compareGradients, compareLongSums } from "./gradients.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader)("WebGPU's gradients are the interpreter's", () => {
  test.each(Array.from({ length: full ? 400 : 16 }, (_, seed) => seed))("random model %i", seed =>
    compareGradients(gpu as WebgpuProcess, seed),
  );
});

describe.runIf(hasSwiftShader)("WebGPU's sums over 327,680 rows keep their digits", () => {
  test.each([0, 0.5])("of values with mean %d", mean => compareLongSums(gpu as WebgpuProcess, mean));
});
