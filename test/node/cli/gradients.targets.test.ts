import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";
import { checkDense, checkFcmae } from "./gradients.ts";

// Every file, without a process for each: test/emit/wgsl/gradients.targets.test.ts.
describe.runIf(hasSwiftShader)("cnxc run --gradients, on WebGPU", () => {
  const webgpu = ["--on", "webgpu", "--adapter", "swiftshader"];
  test("gives PyTorch's gradients of a classifier", () => checkDense("micro-64x32-b1-c1", webgpu));
  test("gives PyTorch's gradients of a masked autoencoder, as its file has the parameters", () =>
    checkFcmae("micro-128-b2-sample-norm_pix_loss", webgpu));
});

describe.runIf(hasSwiftShader)("cnxc verify --gradients", () => {
  const micro = ["verify", "specs/micro.cnx", "-m", "micro", "--gradients"];

  test("says of every parameter how far its gradient is from float64's", async () => {
    const { code, stdout } = await cnxc([...micro, "--on", "webgpu", "--adapter", "swiftshader"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^grad\.stages\.3\.0\.grn\.gamma +\[1, 1, 1, 160\] +\d\.\de-\d+$/m);
    expect(stdout).toMatch(/^grad\.pixel_values /m);
  });

  test("exits with 1 where one is beyond the limit", async () => {
    const { code, stderr } = await cnxc([
      ...micro,
      "--on",
      "webgpu",
      "--adapter",
      "swiftshader",
      "--tolerance",
      "1e-9",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("webgpu f32 leaves tolerance at 'loss'");
  });

  test("says which executors have none", async () => {
    const { code, stderr } = await cnxc([...micro, "--on", "onnx"]);
    expect(code).toBe(2);
    expect(stderr).toContain("onnx did not run: it computes no gradients");
  });
});
