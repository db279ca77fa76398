import { readdirSync } from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";
import type { Model } from "../../../src/model/model.ts";
import { loadDawn, validateWgsl } from "../../../src/node/gpu/dawn.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import type { WebgpuProfileName } from "../../../src/plan/tiles/tuning-profiles.ts";
import { model } from "../../support/models.ts";
import { nagaError } from "../../support/naga.ts";
import { compiledWgsl } from "../../support/wgsl.ts";

const folder = path.resolve(import.meta.dirname, "../../../specs");
export const models = new Map<string, Model>();
for (const file of readdirSync(folder).filter(name => name.endsWith(".cnx"))) {
  const loaded = loadProgram(path.join(folder, file), null, null);
  if (!loaded.ok) throw new Error(`${file}: ${loaded.diagnostics[0]?.message}`);
  for (const model of loaded.value.program.models.values()) models.set(model.name, model);
}
/** Widths that no four divides, and that are less than four. */
models.set("narrow", model({ name: "narrow", depths: [1, 1, 1, 1], dims: [1, 2, 3, 5] }));
models.set("narrow_per_batch", model({ name: "narrow_per_batch", depths: [1, 1], dims: [3, 7], grn: "per_batch" }));
export const profiles = ["gpu", "lavapipe", "swiftshader", "software"] as const satisfies readonly WebgpuProfileName[];

/** Dawn without a driver, whose devices have WebGPU's default limits: what it takes, every WebGPU takes. */
async function nullDevice(): Promise<GPUDevice> {
  const gpu = await loadDawn(["backend=null"]);
  const adapter = gpu.ok ? await gpu.value.requestAdapter() : null;
  if (adapter === null) throw new Error("Dawn has no null backend");
  return adapter.requestDevice();
}
/** Of all files that validate, so it ends with their process. */
export const device = await nullDevice();

/** What a device with default limits has against a kernel: storage buffers, workgroup memory, invocations. */
export async function pipelineError(code: string): Promise<string | null> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  return (await device.popErrorScope())?.message ?? null;
}

const seen = new Set<string>();

/** Tint, naga and a device with default limits take every kernel of a model of specs/; each text is looked at once. */
export async function expectValid(name: string, tuning: WebgpuProfileName): Promise<void> {
  const { kernels, limits } = compiledWgsl({ model: models.get(name) as Model, tuning });
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
}

/** The same of kernels with maps and matrices in f16, native and unpacked. */
export async function expectValidInF16(name: string, tuning: WebgpuProfileName): Promise<void> {
  const of = { model: models.get(name) as Model, tuning, half: true };
  const { kernels, half } = compiledWgsl(of);
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
}
