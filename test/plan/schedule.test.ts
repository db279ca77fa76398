import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import type { Model } from "../../src/model/model.ts";
import { classifierOf } from "../../src/model/model.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { schedule } from "../../src/plan/schedule.ts";
import { tuningProfiles, type WebgpuProfileName, webgpuLimits } from "../../src/plan/tiles/tuning-profiles.ts";
import { model, mustBuild, randomModel } from "../support/models.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

/** CUDA's plan knows no such limits: its kernels have tests of their own. */
const names = (Object.keys(tuningProfiles) as (keyof typeof tuningProfiles)[]).filter(
  (name): name is WebgpuProfileName => name !== "cuda",
);
const published = must(checkFiles(filesOf({ "input.cnx": readFileSync("specs/convnextv2.cnx", "utf8") }))).models;
const named = (name: string): Model => published.get(name) as Model;
const planned = (of: Model, tuning: WebgpuProfileName, batch = 1): Plan =>
  must(plan({ model: of, target: wgslTarget(tuning, false), batch: { min: 1, max: batch } })).plan;

describe("a forward pass has few dispatches and no transposes", () => {
  test.each([
    ["atto", 42],
    ["femto", 42],
    ["pico", 42],
    ["nano", 48],
    ["tiny", 60],
    ["base", 114],
    ["large", 114],
    ["huge", 114],
  ])("%s: %i", (name, dispatches) => {
    const { steps } = planned(named(name), "gpu");
    expect(steps.length).toBe(dispatches);
    expect(steps.filter(step => step.kind === "toChannelsFirst" || step.kind === "rowNorm")).toEqual([]);
  });
});

describe("R06: every plan keeps to WebGPU's default limits", () => {
  const check = ({ setup, steps }: Plan): void => {
    for (const { operands, workgroup, grid, kind, name } of [...setup, ...steps]) {
      expect(operands.length, `${kind} ${name}`).toBeLessThanOrEqual(8);
      expect(workgroup[0] * workgroup[1], `${kind} ${name}`).toBeLessThanOrEqual(webgpuLimits.invocations);
      expect(Math.max(...grid), `${kind} ${name}`).toBeLessThanOrEqual(webgpuLimits.workgroupsPerDimension);
    }
  };
  test.each(names.flatMap(tuning => [...published.keys()].map(name => [name, tuning] as const)))(
    "%s, %s",
    (name, tuning) => {
      check(planned(named(name), tuning));
    },
  );
  test.each(Array.from({ length: 40 }, (_, seed) => seed))("random model %i", seed => {
    const { model, batch } = randomModel(seed);
    for (const tuning of names) check(planned(model, tuning, batch));
  });
});

test("GRN's scale has a kernel of its own on large maps and over the batch", () => {
  const kinds = (of: Model): readonly string[] => planned(of, "gpu").steps.map(step => step.kind);
  expect(kinds(model({ depths: [1], dims: [8], input: { height: 260, width: 260, channels: 3 } }))).toContain(
    "grnScale",
  );
  expect(kinds(model({ depths: [1], dims: [8], grn: "per_batch" }))).toContain("grnScale");
  expect(kinds(model({ depths: [1], dims: [8] }))).not.toContain("grnScale");
});

test("R04, R05: a batch that does not fit names the tensor, the limit, and the batch that would", () => {
  const made = plan({ model: named("base"), target: wgslTarget("gpu", false), batch: { min: 32, max: 32 } });
  expect(made.ok).toBe(false);
  const [first] = made.diagnostics;
  expect(first?.message).toMatch(
    /stages\.0\.\S+act' needs 205520896 bytes, but maxStorageBufferBindingSize is 134217728/,
  );
  expect(first?.message).toMatch(/a batch of 20 fits/);
});

test("a value that several outputs name is written once, under all of their names", () => {
  const pooled = model({ head: classifierOf(0) });
  const request = { model: pooled, target: wgslTarget("gpu", false), batch: { min: 1, max: 1 } };
  const { outputs } = must(plan({ ...request, taps: ["norm", "stages.0"] })).plan;
  expect(outputs.map(({ name, also }) => [name, also])).toEqual([
    ["pooled", ["norm"]],
    ["stages.0", []],
  ]);
});

test("a kernel that needs what comes later is refused", () => {
  const graph = mustBuild(model({ depths: [1], dims: [8] }));
  const tuning = tuningProfiles.gpu;
  const grouped = (groups: readonly (readonly [member: string, anchor: string])[]) =>
    schedule({ ...graph, groups: new Map(groups) }, { min: 1, max: 1 }, tuning);
  expect(() => grouped([["stages.0.0.pwconv2", "stages.0.0.pwconv1"]])).toThrow(
    "the kernel of 'stages.0.0.act' needs 'stages.0.0.pwconv1', which comes later",
  );
});
