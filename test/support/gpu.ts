import { loadDawn } from "../../src/node/gpu/dawn.ts";

/** The adapter that scripts/vitest.mjs found for this run, or null: `test.skipIf(adapter === null)`. */
export const adapter: GPUAdapter | null = await (async () => {
  const gpu = await loadDawn();
  return gpu.ok ? gpu.value.requestAdapter({ powerPreference: "high-performance" }) : null;
})();

/** A device with everything the adapter has. An adapter gives one device, so this asks for a new one each time. */
export async function testDevice(): Promise<GPUDevice> {
  const gpu = await loadDawn();
  const fresh = gpu.ok ? await gpu.value.requestAdapter({ powerPreference: "high-performance" }) : null;
  if (fresh === null) throw new Error("there is no adapter: skip this test where `adapter` is null");
  const { maxBufferSize, maxStorageBufferBindingSize } = fresh.limits;
  return fresh.requestDevice({
    requiredFeatures: [...fresh.features] as GPUFeatureName[],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
}
