import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Failure } from "../../../src/diagnostics/failure.ts";
import { webgpuTrainer } from "../../../src/node/executors/webgpu-trainer.ts";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import type { RunTensor } from "../../../src/node/inputs/tensors.ts";
import { learnedBy } from "../../../src/training/learned.ts";
import { full } from "../../support/full.ts";
import { adapter } from "../../support/gpu.ts";
import {
  endErrors,
  float32Trace,
  readTrace,
  traceBatch,
  traceErrors,
  traceModel,
  traceRecipe,
} from "../../support/traces.ts";
import { must } from "../../syntax/support.ts";
import { trained } from "./traces.ts";

const files = readdirSync(new URL("../../golden/train", import.meta.url))
  .map(file => file.replace(".json", ""))
  .filter(file => full || /accumulate2/.test(file));

describe.runIf(adapter !== null)("WebGPU learns as torch does", () => {
  test.each(files)("%s", async file => {
    const { trace, log, endOf } = await trained(file, webgpuTrainer("gpu"));
    const { loss, norm } = traceErrors(trace, log);
    const { samples, ...norms } = endErrors(trace, endOf);
    expect(loss).toBeLessThan(float32Trace.loss);
    expect(norm).toBeLessThan(float32Trace.norm);
    expect(Math.max(...Object.values(norms))).toBeLessThan(float32Trace.moved);
    expect(samples).toBeLessThan(float32Trace.samples);
  });

  test("a machine that is gone is a failure with a diagnostic, at each call", async () => {
    const trace = readTrace("finetune-micro-v1");
    const { model: given, weights } = traceModel(trace);
    const recipe = traceRecipe(trace, given);
    const params = learnedBy(recipe, given, must(paramsOf(given)));
    const start = async (kind: string, name: string) => (kind === "param" ? weights.f32(name) : null);
    const trainer = must(await webgpuTrainer("gpu")({ model: given, recipe, params, start }));
    await trainer.close();
    for (const call of [
      () => trainer.accumulate(traceBatch(trace, 0, 0), 1),
      () => trainer.update({ lr: 1e-3, n: 1 }),
      () => trainer.read("param", "head.weight"),
    ])
      await expect(call()).rejects.toBeInstanceOf(Failure);
  });

  test("a step whose gradients are not finite changes nothing, and the next one is as if it had not been", async () => {
    const trace = readTrace("finetune-micro-v1");
    const { model: given, weights } = traceModel(trace);
    const recipe = { ...traceRecipe(trace, given), ema: 0.9 };
    const params = learnedBy(recipe, given, must(paramsOf(given)));
    const start = async (kind: string, name: string) => (kind === "param" ? weights.f32(name) : null);
    const batch = traceBatch(trace, 0, 0);
    const pixels = batch.get("pixel_values") as RunTensor;
    const broken = new Map([...batch, ["pixel_values", { ...pixels, data: pixels.data.with(7, Number.NaN) }]]);
    const ends = [];
    for (const steps of [[broken, batch], [batch]]) {
      const trainer = must(await webgpuTrainer("gpu")({ model: given, recipe, params, start }));
      for (const step of steps) {
        await trainer.accumulate(step, 1);
        const { gradNorm, skipped } = await trainer.update({ lr: 1e-3, n: 1 });
        expect([Number.isFinite(gradNorm), skipped]).toEqual([step === batch, step === broken]);
      }
      const kinds = ["param", "exp_avg", "exp_avg_sq", "ema"] as const;
      ends.push(await Promise.all(kinds.map(async kind => [...(await trainer.read(kind, "head.weight"))])));
      await trainer.close();
    }
    expect(ends[0]).toEqual(ends[1]);
    expect(ends[0]?.[0]).not.toEqual([...(await weights.f32("head.weight"))]);
  });
});
