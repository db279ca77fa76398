import { describe, expect, test } from "vitest";
import { buildLibrary, runLibrary } from "../../../src/node/executors/cuda-library.ts";
import { goldenFiles } from "../../graph/gradients.ts";
import { checkDense, checkFcmae } from "../../node/cli/gradients.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { denseName } from "../../support/fcmae.ts";
import { full } from "../../support/full.ts";
import { denseGradients, fcmaeGradients, sparseKernel } from "../../support/gradients.ts";
import { must } from "../../syntax/support.ts";

// What learns has some of them in every run: test/node/executors/cuda-trainer.targets.test.ts and torch-trainer.targets.test.ts.
describe.runIf(hasGxx && full)("CUDA kernels give PyTorch's gradients as fibers of a CPU", () => {
  test.each(goldenFiles("dense-grad"))("of a classifier, %s", file => checkDense(file, ["--on", "cuda-cpu"]));
  test.each(goldenFiles("fcmae-grad"))("of a masked autoencoder, %s", file => checkFcmae(file, ["--on", "cuda-cpu"]));
});

/** Relative l2 over the recorded elements of all parameters, and of the worst one; the loss is made in f32. */
const limits = {
  tf32: { loss: 1e-3, all: 3e-3, worst: 8e-3 },
  bf16: { loss: 5e-3, all: 3e-2, worst: 8e-2 },
  f16: { loss: 5e-3, all: 5e-3, worst: 1.5e-2 },
} as const;
type Form = keyof typeof limits;
const forms = ["tf32", "bf16", "f16"] as const satisfies readonly Form[];

async function offOf(given: ReturnType<typeof denseGradients> | ReturnType<typeof fcmaeGradients>, form: Form) {
  const { golden, model, batch, weights } = given;
  const wanted = (name: string, isParam: boolean) => isParam || name === "pixel_values";
  const build = form === "tf32" ? { dtype: "f32" as const, tf32: true } : { dtype: form };
  const request = { model, batch, taps: [], sites: "auto" as const, learning: { dropPath: false, wanted } };
  const library = must(await buildLibrary("cpu", request, build, () => {}));
  const inputs = new Map(
    [...given.inputs].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
  const { outputs } = must(await runLibrary(library, { batch, weights, inputs }));
  const rows = Object.entries(golden.grads).map(([key, { shape, at, values }]) => {
    const data = outputs.get(`grad.${key === "input" ? "pixel_values" : denseName(key)}`)?.data ?? [];
    const found = key.endsWith(".kernel") ? sparseKernel(data, shape) : data;
    const off = at.reduce((sum, index, i) => sum + ((found[index] as number) - (values[i] as number)) ** 2, 0);
    return { off, size: values.reduce((sum, value) => sum + value ** 2, 0) };
  });
  const total = rows.reduce((a, b) => ({ off: a.off + b.off, size: a.size + b.size }));
  return {
    loss: Math.abs((outputs.get("loss")?.data[0] ?? 0) / golden.loss - 1),
    all: Math.sqrt(total.off / total.size),
    worst: Math.max(...rows.map(({ off, size }) => Math.sqrt(off / size))),
  };
}

describe.runIf(hasGxx)("CUDA kernels in 16 bits and TF32 give PyTorch's gradients nearly", () => {
  test.each(full ? forms : (["bf16"] as const))("of a classifier, %s", async form => {
    const off = await offOf(denseGradients("micro-64x64-b2"), form);
    if (full) console.info(form, off);
    for (const [what, limit] of Object.entries(limits[form]))
      expect(off[what as keyof typeof off], what).toBeLessThan(limit);
    expect(off.all).toBeGreaterThan(1e-4); // else nothing was rounded
  });
  test.runIf(full).each(forms)("of a masked autoencoder, %s", async form => {
    const off = await offOf(fcmaeGradients("micro-128-b2-sample-norm_pix_loss"), form);
    if (full) console.info(form, off);
    for (const [what, limit] of Object.entries(limits[form]))
      expect(off[what as keyof typeof off], what).toBeLessThan(limit);
    expect(off.all).toBeGreaterThan(1e-4);
  });
});
