import { expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { kernelTarget } from "../../src/emit/kernel-targets.ts";
import { type KernelConfig, keepsApart, launchesOf } from "../../src/explore/lowering.ts";
import { StageCache } from "../../src/explore/stage-cache.ts";
import { choices } from "../../src/model/choices.ts";
import type { Model } from "../../src/model/model.ts";
import { bytesMoved, scratchBytes, weightBytes } from "../../src/plan/cost.ts";
import { randomCase } from "../../src/verify/random-model.ts";
import { full } from "../support/full.ts";

const value = <T>(result: { ok: boolean; value?: T }): T => result.value as T;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A model of the sweep around a random one: other depths and widths, so that parts of several make up one. */
function variant(base: Model, seed: number): Model {
  const { int, pick } = choices(seed);
  return {
    ...base,
    stages: base.stages.map(stage => ({ ...stage, depth: int(1, 6), dim: pick([8, 12, 33]), kernel: pick([3, 7]) })),
  };
}

const forms: readonly KernelConfig[] = [
  { tuning: "gpu", dtype: "f32", batch: 1 },
  { tuning: "gpu", dtype: "f16", batch: 1 },
  { tuning: "swiftshader", dtype: "f32", batch: 2 },
  { tuning: "cuda", dtype: "bf16", batch: 8 },
];

test.each(forms)(
  "parts of $tuning in $dtype give what the whole compilation gives",
  form => {
    const bases = full ? 24 : 2;
    for (let seed = 0; seed < bases; seed++) {
      const base = randomCase(seed).model;
      const parts = new StageCache(model => launchesOf(model, form), { apart: keepsApart(form) });
      const variants = 30;
      for (let i = 0; i < variants; i++) {
        const model = variant(base, seed * 1000 + i + 1);
        const whole = value(launchesOf(model, form));
        const profile = value(parts.profile(model));
        const { tuning, dtype, batch } = form;
        const target = kernelTarget(tuning, dtype);
        const { plan: made } = value(plan({ model, target, batch: { min: batch, max: batch } }));
        const each = profile.kernels.flatMap(({ cost, count }) => Array.from({ length: count }, () => cost));
        const order = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
        expect(each.sort(order), `seed ${seed}, variant ${i}`).toEqual(whole.map(({ cost }) => cost).sort(order));
        expect(profile.weightBytes).toBe(weightBytes(made));
        expect(profile.scratchBytes, `seed ${seed}, variant ${i}`).toBe(scratchBytes(made));
        expect(sum(each.map(({ fixed, each: image }) => fixed + image))).toBe(bytesMoved(made));
      }
      expect(parts.compiled).toBeLessThan(variants + 1);
    }
  },
  600_000,
);
