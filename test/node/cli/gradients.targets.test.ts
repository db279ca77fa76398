import { describe, test } from "vitest";
import { goldenFiles } from "../../graph/gradients.ts";
import { full } from "../../support/full.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";
import { checkDense, checkFcmae } from "./gradients.ts";

const webgpu = ["--on", "webgpu", "--adapter", "swiftshader"];
const chosen = (kind: string): readonly string[] => goldenFiles(kind).filter(file => full || !file.startsWith("atto"));

describe.runIf(hasSwiftShader)("cnxc run --gradients, on WebGPU", () => {
  test.each(chosen("dense-grad"))("gives PyTorch's gradients of a classifier, %s", file => checkDense(file, webgpu));
  test.each(chosen("fcmae-grad"))("gives PyTorch's gradients of a masked autoencoder, %s", file =>
    checkFcmae(file, webgpu),
  );
});
