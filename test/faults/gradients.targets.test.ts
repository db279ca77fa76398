import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenTrainer } from "../../src/node/executors/trainer.ts";
import { startTrainer, trainerDescriptor } from "../../src/node/executors/webgpu-trainer.ts";
import type { TrainerDescriptor } from "../../src/runtime/descriptor.ts";
import { gradientsOf, longSums } from "../emit/wgsl/gradients.ts";
import { wrongGradients } from "../emit/wgsl/random-gradients.ts";
import { trained } from "../node/executors/traces.ts";
import { full } from "../support/full.ts";
import { adapter } from "../support/gpu.ts";
import { endErrors, float32Trace, traceErrors } from "../support/traces.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../support/webgpu-process.ts";
import { must } from "../syntax/support.ts";
import { holds, kernelFaults, optimizerFaults, recording, replaced } from "./gradients.ts";

/** The first of each in every run, all of them in full mode: each takes seconds of a software adapter. */
const some = <T>(faults: readonly T[]): readonly T[] => (full ? faults : faults.slice(0, 1));

describe.runIf(hasSwiftShader)("a mistake in a kernel is seen", () => {
  const files = { dense: "dense-grad/micro-64x64-b2", masked: "fcmae-grad/micro-128-b2-sample-norm_pix_loss" };
  let gpu: WebgpuProcess | undefined;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu?.end());

  test.each(some(kernelFaults))("$name", async fault => {
    const change = (code: string): string => replaced(code, fault);
    if (fault.on === "sums") {
      expect(await longSums(gpu as WebgpuProcess, 0.5, change)).toBeGreaterThan(3e-6);
      return;
    }
    const { golden, ...given } = recording(files[fault.on]);
    const found = await gradientsOf(gpu as WebgpuProcess, { golden, ...given }, change);
    expect(holds(golden, name => ({ data: found[`grad.${name}`] ?? [] }))).toBe(false);
  });

  // Slopes are of the float64 loss alone, and see it without the interpreter's gradients.
  test.runIf(full).each(kernelFaults.slice(0, 1))("$name, by slopes of random models", async fault => {
    const wrong = await wrongGradients(gpu as WebgpuProcess, 0, code => replaced(code, fault));
    expect(wrong.filter(line => line.includes("is no slope"))).not.toEqual([]);
  });
});

describe.runIf(adapter !== null)("a mistake in the optimizer is seen by a trace", () => {
  const files = {
    v1: "finetune-micro-v1",
    layers: "finetune-micro",
    accumulate: "pretrain-micro-batch-raw-accumulate2-clip",
  };

  test.each(some(optimizerFaults))("$name", async fault => {
    const wrong: OpenTrainer = async request => {
      const descriptor = must(trainerDescriptor("gpu", request));
      const kernels = Object.entries(descriptor.optimizer).map(
        ([name, code]) => [name, replaced(code, fault)] as const,
      );
      expect(Object.values(descriptor.optimizer), "nowhere to make it").not.toEqual(kernels.map(([, code]) => code));
      const optimizer = Object.fromEntries(kernels) as TrainerDescriptor["optimizer"];
      return startTrainer({ ...descriptor, optimizer }, "gpu", request);
    };
    const { trace, log, endOf } = await trained(files[fault.on], wrong);
    const { loss, norm } = traceErrors(trace, log);
    const { samples, ...norms } = endErrors(trace, endOf);
    const right =
      loss < float32Trace.loss &&
      norm < float32Trace.norm &&
      samples < float32Trace.samples &&
      Math.max(...Object.values(norms)) < float32Trace.moved;
    expect(right).toBe(false);
  });
});
