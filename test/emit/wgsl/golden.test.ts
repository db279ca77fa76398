import { afterAll, beforeAll, describe, test } from "vitest";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { check, small, together } from "./golden.ts";

let gpu: WebgpuProcess | undefined;
let checks: readonly (() => void)[] = [];
beforeAll(async () => {
  if (!hasSwiftShader) return;
  gpu = await startWebgpu("swiftshader");
  // Whole stages alone, which no fusion crosses: these are the kernels that users get on such an adapter.
  const wanted = small.map(file => ({ file, tuning: "software", taps: /^stages\.\d+$/ }) as const);
  checks = await together(gpu, wanted);
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's numbers on SwiftShader", () => {
  test.each(small.map((file, i) => ({ file, i })))("$file", ({ i }) => checks[i]?.());
  // Tiles for other adapters, and all other files: golden.targets.test.ts.
  test("tiles for SwiftShader itself", async () =>
    check(gpu as WebgpuProcess, { file: "dense/micro-64x64-b2", tuning: "swiftshader", taps: /^stages\.\d+$/ }));
});
