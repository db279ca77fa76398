import { readdirSync } from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describe as describePlan } from "../../../src/emit/wgsl/descriptor.ts";
import type { Model } from "../../../src/model/model.ts";
import { loadDawn, validateWgsl } from "../../../src/node/gpu/dawn.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import type { WebgpuProfileName } from "../../../src/plan/tuning-profiles.ts";
import { nagaError } from "../../support/naga.ts";
import { plannedWgsl } from "../../support/wgsl.ts";

const folder = path.resolve(import.meta.dirname, "../../../specs");
const models = new Map<string, Model>();
for (const file of readdirSync(folder).filter(name => name.endsWith(".cnx"))) {
  const loaded = loadProgram(path.join(folder, file), null);
  if (!loaded.ok) throw new Error(`${file}: ${loaded.diagnostics[0]?.message}`);
  for (const model of loaded.value.program.models.values()) models.set(model.name, model);
}
const names = ["gpu", "lavapipe", "swiftshader"] as const satisfies readonly WebgpuProfileName[];

/** Dawn without a driver, whose devices have WebGPU's default limits: what it takes, every WebGPU takes. */
let device: GPUDevice;
beforeAll(async () => {
  const gpu = await loadDawn(["backend=null"]);
  const adapter = gpu.ok ? await gpu.value.requestAdapter() : null;
  if (adapter === null) throw new Error("Dawn has no null backend");
  device = await adapter.requestDevice();
});
afterAll(() => device.destroy());

/** What a device with default limits has against a kernel: storage buffers, workgroup memory, invocations. */
async function pipelineError(code: string): Promise<string | null> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  return (await device.popErrorScope())?.message ?? null;
}

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

describe("Tint, naga and a device with default limits take every kernel of specs/", () => {
  const seen = new Set<string>();
  test.each([...models.keys()].flatMap(name => names.map(tuning => ({ name, tuning }))))(
    "$name, $tuning",
    async ({ name, tuning }) => {
      const { kernels, limits } = describePlan(plannedWgsl({ model: models.get(name) as Model, tuning }).plan);
      expect(limits.maxStorageBuffersPerShaderStage).toBeLessThanOrEqual(8);
      expect(limits.maxComputeInvocationsPerWorkgroup).toBeLessThanOrEqual(256);
      for (const { name: kernel, code } of kernels) {
        if (seen.has(code)) continue;
        seen.add(code);
        expect(await validateWgsl(code), kernel).toEqual({ ok: true, value: [], diagnostics: [] });
        expect(nagaError(code), kernel).toBe(null);
        expect(await pipelineError(code), kernel).toBe(null);
        expect(code).not.toMatch(/\bf16\b|\bsubgroup/);
      }
    },
  );
});

describe("the same kernels with maps and matrices in f16, native and unpacked", () => {
  const some = ["atto", "atto_features", "atto_fcmae"];
  test.each(some.flatMap(name => names.map(tuning => ({ name, tuning }))))(
    "$name, $tuning",
    async ({ name, tuning }) => {
      const of = { model: models.get(name) as Model, tuning, half: true };
      const { kernels, half } = describePlan(plannedWgsl(of).plan);
      if (!half) throw new Error("nothing is kept in 16 bits");
      const computing = kernels.filter(({ name }) => !name.endsWith(".pack"));
      expect(computing.filter(({ code }) => code.includes(half.native)).length).toBeGreaterThan(computing.length / 2);
      const seen = new Set<string>();
      for (const { name: kernel, code } of kernels) {
        const unpacked = code.replace(half.native, half.unpacked);
        if (seen.has(code)) continue;
        seen.add(code);
        expect(await validateWgsl(code), kernel).toEqual({ ok: true, value: [], diagnostics: [] });
        expect(await validateWgsl(unpacked), kernel).toEqual({ ok: true, value: [], diagnostics: [] });
        expect(nagaError(unpacked), kernel).toBe(null);
        expect(await pipelineError(unpacked), kernel).toBe(null);
        expect(unpacked).not.toMatch(/\benable\b|\bf16>/);
      }
    },
  );
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
      for (const tuning of names) {
        const { steps } = plannedWgsl({ model, tuning }).plan;
        const kinds = new Set(steps.map(step => step.kind));
        for (const kind of ["toChannelsFirst", "elementwise"] as const) expect([...kinds]).not.toContain(kind);
      }
    },
  );
});
