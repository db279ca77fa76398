import { plan } from "../../compile.ts";
import { ok } from "../../diagnostics/diagnostic.ts";
import { describe } from "../../emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { requestDevice } from "../../runtime/device.ts";
import { createModel } from "../../runtime/model.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { loadDawn } from "../gpu/dawn.ts";
import type { OpenInference } from "./inference.ts";
import { failing, told } from "./model-errors.ts";
import { arraysOf, outputsOf } from "./webgpu.ts";

/** Our WGSL in f32, in this process, which `enterGpuProcess` started for the adapter, on a device of its own. */
export const webgpuInference =
  (kind: AdapterKind): OpenInference =>
  async ({ model, batch, taps }) => {
    const planned = plan({ model, target: wgslTarget(kind, false), batch, taps });
    if (!planned.ok) return planned;
    const { plan: made } = planned.value;
    const descriptor = describe(made);
    const gpu = await loadDawn();
    if (!gpu.ok) return gpu;
    return told(async () => {
      const device = await requestDevice(descriptor, gpu.value);
      return ok({
        load: weights =>
          failing(async () => {
            const loaded = await createModel(descriptor, { device, weights });
            return {
              run: inputs =>
                failing(async () => {
                  const images = inputs.get("pixel_values")?.shape[0] ?? 1;
                  return outputsOf(made, await loaded.run(arraysOf(inputs)), images);
                }),
              dispose: loaded.dispose,
            };
          }),
        close: async () => device.destroy(),
      });
    });
  };
