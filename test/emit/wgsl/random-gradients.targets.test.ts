import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { full } from "../../support/full.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { wrongGradients } from "./random-gradients.ts";

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader && full)("WebGPU's gradients are the interpreter's, and slopes", () => {
  const families = Array.from({ length: 100 }, (_, index) => index);
  test.each(families)("twenty random models, family %i", async index => {
    expect(await wrongGradients(gpu as WebgpuProcess, index)).toEqual([]);
  });
});
