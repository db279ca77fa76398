import { expect } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { fcmaeSpecText } from "../../support/fcmae.ts";
import { goldenRun } from "../../support/golden-run.ts";
import { denseGradients, expectGradient, fcmaeGradients, float32Gradients } from "../../support/gradients.ts";

/** `cnxc run --gradients` gives what PyTorch recorded of a classifier, in the names and layouts of the weights file. */
export async function checkDense(file: string, words: readonly string[]): Promise<void> {
  const { golden, inputs } = denseGradients(file);
  const { shape, data } = inputs.get("targets") ?? { shape: [], data: [] };
  const targets = f32Tensor("targets", shape, () => Float32Array.from(data));
  const { cli, outputs } = await goldenRun(golden, [...words, "--gradients"], { besides: [targets] });
  expect(cli.stderr + cli.code).toMatch(/0$/);
  check(golden, outputs, file);
}

/** The same of a masked autoencoder in the sparse training state. */
export async function checkFcmae(file: string, words: readonly string[]): Promise<void> {
  const { golden } = fcmaeGradients(file);
  const spec = fcmaeSpecText(golden, golden.grn_scope === "sample" ? "per_sample" : "per_batch", golden.loss_kind);
  const { cli, outputs } = await goldenRun(golden, [...words, "--gradients"], { given: { spec, mask: golden.mask } });
  expect(cli.stderr + cli.code).toMatch(/0$/);
  check(golden, outputs, file);
}

function check(
  golden: ReturnType<typeof denseGradients>["golden"] | ReturnType<typeof fcmaeGradients>["golden"],
  outputs: Awaited<ReturnType<typeof goldenRun>>["outputs"],
  file: string,
): void {
  const limits = float32Gradients(file);
  expect(Math.abs((outputs.get("loss")?.data[0] ?? 0) / golden.loss - 1)).toBeLessThan(limits.loss);
  for (const [key, recorded] of Object.entries(golden.grads)) {
    const found = outputs.get(`grad.${key === "input" ? "pixel_values" : key}`);
    if (key !== "input") expect(found?.shape, key).toEqual(recorded.shape);
    expectGradient(key, found?.data ?? [], recorded, limits);
  }
  const names = Object.keys(golden.grads).filter(key => key !== "input");
  expect([...outputs.keys()].sort()).toEqual(["loss", "grad.pixel_values", ...names.map(key => `grad.${key}`)].sort());
}
