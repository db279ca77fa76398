import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Model } from "../../src/model/model.ts";
import { macsOf, movedBy } from "../../src/plan/cost.ts";
import type { Plan, Step } from "../../src/plan/plan.ts";
import { randomFcmae } from "../support/fcmae.ts";
import { plannedWgsl } from "../support/wgsl.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

const text = (file: string): string => readFileSync(`specs/${file}`, "utf8");
const { models } = must(
  checkFiles(filesOf({ "input.cnx": text("fcmae.cnx"), "convnextv2.cnx": text("convnextv2.cnx") })),
);
const named = (name: string): Model => models.get(name) as Model;

/** Steps of the encoder alone: both kinds of model name them alike. */
const encoder = ({ steps }: Plan): readonly Step[] =>
  steps.filter(({ name }) => /^(stages|downsample_layers|mask)\./.test(name));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe("at ratio 0.6 the encoder costs what its visible patches cost", () => {
  test.each(["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"])("%s", name => {
    const { plan: dense } = plannedWgsl({ model: named(name), tuning: "gpu" });
    const { plan: sparse } = plannedWgsl({ model: named(`${name}_fcmae`), tuning: "gpu" });
    const macs = (plan: Plan): number => sum(encoder(plan).map(macsOf));
    const bytes = (plan: Plan): number => sum(encoder(plan).map(step => movedBy(step).each));
    expect(macs(sparse) / macs(dense)).toBeLessThan(0.4);
    expect(bytes(sparse) / bytes(dense)).toBeLessThan(0.5);
    expect(sparse.steps.filter(step => ["rowNorm", "gatherSites", "elementwise"].includes(step.kind))).toEqual([]);
  });
});

test("masked stages keep every fusion of a dense encoder", () => {
  const { plan } = plannedWgsl({ model: named("atto_fcmae"), tuning: "gpu", sites: "masked" });
  const kinds = new Set(encoder(plan).map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(["depthwise", "downsample", "gemm", "placeSites", "stem"]);
});

test.each(Array.from({ length: 30 }, (_, seed) => seed))("random masked autoencoder %i is planned", seed => {
  const { model, batch } = randomFcmae(seed);
  for (const sites of ["compact", "masked"] as const)
    for (const { operands } of plannedWgsl({ model, batch, sites, tuning: "gpu" }).plan.steps)
      expect(operands.length).toBeLessThanOrEqual(8);
});
