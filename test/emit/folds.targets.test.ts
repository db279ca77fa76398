import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emit, plan } from "../../src/compile.ts";
import { cudaTarget } from "../../src/emit/cuda/target.ts";
import { inMemoryContext, type KernelTarget } from "../../src/emit/target.ts";
import { describe as describePlan } from "../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import { evaluate } from "../../src/graph/evaluate.ts";
import { runLibrary } from "../../src/node/executors/cuda-library.ts";
import { buildCuda } from "../../src/node/executors/toolchain.ts";
import { f16Params, type Plan } from "../../src/plan/plan.ts";
import { hasGxx } from "../support/cuda-tools.ts";
import { type Folds, foldOrders, writeFolds } from "../support/folds.ts";
import { full } from "../support/full.ts";
import { feed, model, mustBuild, testInput, testWeights } from "../support/models.ts";
import { relL2 } from "../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../support/webgpu-process.ts";
import { must } from "../syntax/support.ts";

/** Channels that no vector and no tile divides, and a layer scale: passes fold around what stands there already. */
const given = model({ name: "folds", dims: [6, 9], layerScale: 0.5, input: { height: 16, width: 16, channels: 3 } });
const batch = 1;
const seed = 11;

const withFolds = (target: KernelTarget, folds: Folds): KernelTarget => {
  return { ...target, rewriting: [writeFolds(folds), ...target.rewriting] };
};

async function wanted(folds: Folds) {
  const graph = writeFolds(folds).run(mustBuild(given));
  const weights = testWeights(graph, seed);
  const input = Float32Array.from(testInput(given, batch, seed));
  const logits = evaluate(graph, await feed(graph, weights, input, batch)).get("logits")?.data ?? [];
  return { weights, input, logits };
}

describe.runIf(hasSwiftShader)("WGSL packs folds in whatever order they come", () => {
  let gpu: WebgpuProcess | undefined;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu?.end());

  test.each(Object.keys(foldOrders).flatMap(name => [[name, "f32"] as const, [name, "f16"] as const]))(
    "%s, in %s",
    async (name, dtype) => {
      const folds = foldOrders[name] as Folds;
      const { weights, input, logits } = await wanted(folds);
      const target = withFolds(wgslTarget("swiftshader", dtype === "f16"), folds);
      const planned = must(plan({ model: given, target, batch: { min: batch, max: batch } })).plan;
      const tensors = new Map<string, Float32Array>();
      for (const { name } of planned.params) tensors.set(name, await weights.f32(name));
      const { outputs } = await (gpu as WebgpuProcess).run({
        descriptor: describePlan(planned),
        weights: { kind: "tensors", tensors },
        runs: [{ pixel_values: input }],
      });
      expect(relL2(outputs[0]?.logits ?? [], logits)).toBeLessThan(dtype === "f16" ? 1e-2 : 1e-5);
    },
  );
});

describe.runIf(hasGxx)("CUDA packs folds in whatever order they come", () => {
  /** A library takes g++ seconds. */
  test.each(Object.keys(foldOrders).filter((_, i) => full || i % 3 === 0))("%s", async name => {
    const folds = foldOrders[name] as Folds;
    const { weights, input, logits } = await wanted(folds);
    const target = withFolds(cudaTarget("f32"), folds);
    const planning = { model: given, target, batch: { min: batch, max: batch } };
    const unit = must(emit({ ...planning, context: inMemoryContext }));
    const of = unit.plan as Plan;
    const program = must(await buildCuda("cpu", unit.files, () => {}));
    const inputs = new Map([["pixel_values", { shape: [batch, 3, 16, 16], data: input }]]);
    const run = await runLibrary(
      { machine: "cpu", program, plan: of, half: f16Params(of) },
      { batch, weights, inputs },
    );
    expect(relL2(must(run).outputs.get("logits")?.data ?? [], logits)).toBeLessThan(1e-5);
  });
});
