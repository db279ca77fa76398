import type { LimitName, ModelDescriptor } from "./descriptor.ts";
import { check, ModelError, messageOf } from "./errors.ts";

/** Throws LimitError, naming the limit, unless the device allows what the model needs. */
export function checkLimits(model: ModelDescriptor, limits: GPUSupportedLimits, of: string): void {
  for (const [name, needed] of Object.entries(model.limits)) {
    const allowed = limits[name as LimitName] as number;
    check(needed <= allowed, "limit", `${model.name} needs ${name} of ${needed}, this ${of} allows ${allowed}`);
  }
}

/** Whether an adapter is a CPU under another name. Older browsers do not say of a device what it is of. */
export function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  const { vendor, architecture, device, description, isFallbackAdapter } = info ?? {};
  const name = [vendor, architecture, device, description].join(" ");
  return isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(name);
}

/**
 * A device with what the models need and no more, and `shader-f16` where they can use it and the adapter has it. Throws AdapterError where there is no WebGPU or no adapter, and
 * LimitError where the adapter allows too little.
 */
export async function requestDevice(
  models: ModelDescriptor | readonly ModelDescriptor[],
  gpu: GPU | undefined = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu,
): Promise<GPUDevice> {
  const given = [models].flat();
  const fit = given.length > 0 && given.every(model => typeof model?.limits === "object");
  check(fit, "input", "requestDevice takes the descriptor of a model, or a list of them");
  check(gpu, "adapter", "there is no WebGPU here: it needs a browser that has it, and https or localhost");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(cause => {
    throw new ModelError("adapter", `WebGPU gives no adapter: ${messageOf(cause)}`);
  });
  check(adapter, "adapter", "WebGPU found no adapter");
  const native = given.some(model => model.half) && adapter.features.has("shader-f16");
  const requiredLimits: Record<string, number> = {};
  for (const model of given) {
    checkLimits(model, adapter.limits, "adapter");
    for (const [name, needed] of Object.entries(model.limits)) {
      requiredLimits[name] = Math.max(requiredLimits[name] ?? 0, needed);
    }
  }
  try {
    return await adapter.requestDevice({ requiredLimits, ...(native ? { requiredFeatures: ["shader-f16"] } : {}) });
  } catch (cause) {
    throw new ModelError("adapter", `the adapter gives no device: ${messageOf(cause)}`);
  }
}
