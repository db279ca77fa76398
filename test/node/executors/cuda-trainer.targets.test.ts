import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cudaTrainer } from "../../../src/node/executors/cuda-trainer.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { full } from "../../support/full.ts";
import { endErrors, float32Trace, traceErrors } from "../../support/traces.ts";
import { trained } from "./traces.ts";

const files = readdirSync(new URL("../../golden/train", import.meta.url))
  .map(file => file.replace(".json", ""))
  .filter(file => full || /drop-path/.test(file));

describe.runIf(hasGxx)("CUDA kernels learn as torch does, as fibers of a CPU", () => {
  test.each(files)("%s", async file => {
    const { trace, log, endOf } = await trained(file, cudaTrainer("cpu"));
    const { loss, norm } = traceErrors(trace, log);
    const { samples, ...norms } = endErrors(trace, endOf);
    if (full) console.info(file, { loss, norm, samples, ...norms });
    expect(loss).toBeLessThan(float32Trace.loss);
    expect(norm).toBeLessThan(float32Trace.norm);
    expect(Math.max(...Object.values(norms))).toBeLessThan(float32Trace.moved);
    expect(samples).toBeLessThan(float32Trace.samples);
  });
});
