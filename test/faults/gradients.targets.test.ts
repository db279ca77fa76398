import { describe, expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { describe as describePlan } from "../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import type { OpenTrainer } from "../../src/node/executors/trainer.ts";
import { startTrainer, trainerDescriptor } from "../../src/node/executors/webgpu-trainer.ts";
import type { TrainerDescriptor } from "../../src/runtime/descriptor.ts";
import { forms, learningGraph, type Recording, withParams } from "../graph/gradients.ts";
import { trained } from "../node/executors/traces.ts";
import { adapter } from "../support/gpu.ts";
import { denseGradients, expectGradients, fcmaeGradients, float32Gradients } from "../support/gradients.ts";
import { endErrors, float32Trace, traceErrors } from "../support/traces.ts";
import { hasSwiftShader, startWebgpu } from "../support/webgpu-process.ts";
import { must } from "../syntax/support.ts";
import { graphFaults, kernelFaults, optimizerFaults, replaced, withFault } from "./gradients.ts";

const recording = (file: string): Recording & { readonly batch: number } => {
  const [kind, name = ""] = file.split("/");
  return kind === "dense-grad" ? denseGradients(name) : fcmaeGradients(name);
};

/** Whether gradients are within the limits of a float32 backend. */
function holds(golden: Recording["golden"], found: (name: string) => { readonly data: ArrayLike<number> }): boolean {
  try {
    expectGradients(golden, found, float32Gradients(golden.name));
    return true;
  } catch {
    return false;
  }
}

describe("a mistake in differentiation is seen by a recorded gradient", () => {
  const gradientsOf = async (file: string, fault: (typeof graphFaults)[number] | null) => {
    const { golden, model, weights, inputs } = recording(file);
    const right = learningGraph(model, forms.folded);
    const graph = fault === null ? right : withFault(right, fault);
    const found = evaluate(graph, await withParams(graph, weights, inputs));
    return holds(golden, name => found.get(`grad.${name}`) as Values);
  };

  test.each([...new Set(graphFaults.map(fault => fault.on))])("no mistake, %s", async file => {
    expect(await gradientsOf(file, null)).toBe(true);
  });
  test.each(graphFaults)("$name", async fault => {
    expect(await gradientsOf(fault.on, fault)).toBe(false);
  });
});

describe.runIf(hasSwiftShader)("a mistake in a kernel is seen by a recorded gradient", () => {
  const files = { dense: "dense-grad/micro-64x64-b2", masked: "fcmae-grad/micro-128-b2-sample-norm_pix_loss" };

  const gradientsOf = async (file: keyof typeof files, fault: (typeof kernelFaults)[number] | null) => {
    const { golden, model, weights, inputs, batch } = recording(files[file]);
    const wanted = new Set(Object.keys(golden.grads).filter(key => key !== "input"));
    const learning = { dropPath: false, wanted: (name: string) => wanted.size > 0 && !inputs.has(name) };
    const target = wgslTarget("swiftshader", false);
    const planned = must(plan({ model, target, batch: { min: batch, max: batch }, sites: "compact", learning })).plan;
    const right = describePlan(planned);
    const kernels = right.kernels.map(kernel => ({
      ...kernel,
      code: fault ? replaced(kernel.code, fault) : kernel.code,
    }));
    if (fault)
      expect(
        kernels.some(({ code }, i) => code !== right.kernels[i]?.code),
        "nowhere to make it",
      ).toBe(true);
    const tensors = new Map<string, Float32Array>();
    for (const { name } of planned.params) tensors.set(name, await weights.f32(name));
    const gpu = await startWebgpu("swiftshader");
    try {
      const { outputs } = await gpu.run({
        descriptor: { ...right, kernels },
        weights: { kind: "tensors", tensors },
        runs: [Object.fromEntries([...inputs].map(([name, { data }]) => [name, Float32Array.from(data)]))],
      });
      const found = outputs[0] ?? {};
      const params = {
        ...golden,
        grads: Object.fromEntries(Object.entries(golden.grads).filter(([key]) => key !== "input")),
      };
      return holds(params, name => ({ data: found[`grad.${name}`] ?? [] }));
    } finally {
      gpu.end();
    }
  };

  test.each(["dense", "masked"] as const)("no mistake, %s", async file => {
    expect(await gradientsOf(file, null)).toBe(true);
  });
  test.each(kernelFaults)("$name", async fault => {
    expect(await gradientsOf(fault.on, fault)).toBe(false);
  });
});

describe.runIf(adapter !== null)("a mistake in the optimizer is seen by a trace", () => {
  const files = { v1: "finetune-micro-v1", accumulate: "pretrain-micro-batch-raw-accumulate2-clip" };

  test.each(optimizerFaults)("$name", async fault => {
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
