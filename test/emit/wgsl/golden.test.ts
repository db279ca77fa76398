import { afterAll, beforeAll, describe, test } from "vitest";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { check, small } from "./golden.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's numbers on SwiftShader", () => {
  // Whole stages alone, which no fusion crosses: these are the kernels that users get.
  test.each(small)("%s", async file => check(gpu as WebgpuProcess, file, "swiftshader", /^stages\.\d+$/));
  test("one kernel for all sizes", () =>
    check(gpu as WebgpuProcess, "dense/micro-64x64-b2", "software", /^stages\.\d+$/));
});
