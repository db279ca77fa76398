import { describe, expect, test } from "vitest";
import type { Model } from "../../../src/model/model.ts";
import { plannedWgsl } from "../../support/wgsl.ts";
import { device, expectValid, expectValidInF16, models, pipelineError, profiles } from "./validate.ts";

test("the null device has the default limits", () => {
  const { maxStorageBuffersPerShaderStage, maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } =
    device.limits;
  expect(maxStorageBuffersPerShaderStage).toBe(8);
  expect(maxComputeWorkgroupStorageSize).toBe(16384);
  expect(maxComputeInvocationsPerWorkgroup).toBe(256);
});

test("R06: a kernel over a default limit is refused", async () => {
  const large = (bytes: number) =>
    `var<workgroup> w: array<u32, ${bytes / 4}>; @compute @workgroup_size(1) fn main() { w[0] = 1u; }`;
  expect(await pipelineError(large(16384))).toBe(null);
  expect(await pipelineError(large(16388))).toContain("workgroup");
});

// The other models of specs/: validate.targets.test.ts.
describe("Tint, naga and a device with default limits take the kernels of the smallest models", () => {
  const small = [...models.keys()].filter(name => /^(atto|micro|narrow)/.test(name));
  test.each(small.flatMap(name => profiles.map(tuning => ({ name, tuning }))))(
    "$name, $tuning",
    async ({ name, tuning }) => expectValid(name, tuning),
  );
});

describe("the same kernels with maps and matrices in f16, native and unpacked", () => {
  test.each(profiles)("atto, %s", async tuning => expectValidInF16("atto", tuning));
});

describe("dispatches of a forward pass", () => {
  test.each([
    { name: "atto", most: 42 },
    { name: "tiny", most: 60 },
    { name: "base", most: 114 },
  ])("$name: at most $most", ({ name, most }) => {
    const { steps } = plannedWgsl({ model: models.get(name) as Model, tuning: "gpu" }).plan;
    expect(steps.length).toBeLessThanOrEqual(most);
  });

  test.each([...models.values()].filter(model => model.head.kind === "classifier"))(
    "$name moves no values about, and computes nothing that could be part of another kernel",
    model => {
      for (const tuning of profiles) {
        const { steps } = plannedWgsl({ model, tuning }).plan;
        const kinds = new Set(steps.map(step => step.kind));
        for (const kind of ["toChannelsFirst", "elementwise"] as const) expect([...kinds]).not.toContain(kind);
      }
    },
  );
});
