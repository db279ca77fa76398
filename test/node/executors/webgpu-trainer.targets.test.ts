import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { webgpuTrainer } from "../../../src/node/executors/webgpu-trainer.ts";
import { full } from "../../support/full.ts";
import { adapter } from "../../support/gpu.ts";
import { endErrors, float32Trace, traceErrors } from "../../support/traces.ts";
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
});
