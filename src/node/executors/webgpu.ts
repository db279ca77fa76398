import { plan } from "../../compile.ts";
import { ok } from "../../diagnostics/diagnostic.ts";
import { describe } from "../../emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { f16Params, type Plan } from "../../plan/plan.ts";
import { tuningProfiles } from "../../plan/tiles/tuning-profiles.ts";
import type { ModelDescriptor } from "../../runtime/descriptor.ts";
import { requestDevice } from "../../runtime/device.ts";
import type { Inputs } from "../../runtime/inputs.ts";
import { createModel } from "../../runtime/model.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { loadDawn } from "../gpu/dawn.ts";
import type { RunTensor } from "../inputs/tensors.ts";
import { progress } from "../process/progress.ts";
import type { Prepare } from "./executor.ts";
import { told } from "./model-errors.ts";

/**
 * Our WGSL in this process, which `enterGpuProcess` started for the adapter. It is compiled for a run or a few: on a software
 * adapter, where that takes longer than a run, by kernels that sizes share.
 */
export const webgpu =
  (kind: AdapterKind, half: boolean): Prepare =>
  async ({ model: wanted, batch: images, taps, sites, learning, weights }, use) => {
    const tuning = kind === "gpu" ? kind : "software";
    const target = wgslTarget(tuning, half);
    const planned = plan({ model: wanted, target, batch: { min: images, max: images }, taps, sites, learning });
    if (!planned.ok) return planned;
    const { plan: made } = planned.value;
    const descriptor = describe(made, tuningProfiles[tuning].sharesKernels);
    const gpu = await loadDawn();
    if (!gpu.ok) return gpu;
    return told(async () => {
      const device = await requestDevice(descriptor, gpu.value);
      const checked = withinHalf(weights, f16Params(made));
      progress(compiling(descriptor, kind));
      const model = await createModel(descriptor, { device, weights: name => checked.f32(name) });
      await model.warmup(images);
      const on = `WebGPU (${kind}${half && !device.features.has("shader-f16") ? ", f16 unpacked" : ""})`;
      const used = await use(inputs =>
        told(async () => {
          const arrays = arraysOf(inputs);
          const start = performance.now();
          const results = await model.run(arrays);
          const milliseconds = performance.now() - start;
          return ok({ outputs: outputsOf(made, results, images), on, milliseconds });
        }),
      );
      model.dispose();
      device.destroy();
      return used;
    });
  };

/** What takes longest before the first run: on a software adapter seconds a kernel. */
export const compiling = ({ name, kernels }: ModelDescriptor, kind: AdapterKind): string =>
  `compiling the ${kernels.length} kernels of ${name} on ${kind}`;

/** Inputs as the runtime takes them. */
export const arraysOf = (inputs: ReadonlyMap<string, RunTensor>): Inputs =>
  Object.fromEntries([...inputs].map(([name, { data }]) => [name, data]));

/** What the runtime gave of so many images, under every name that it has. */
export function outputsOf(
  { outputs }: Pick<Plan, "outputs">,
  results: Readonly<Record<string, Float32Array>>,
  images: number,
): ReadonlyMap<string, RunTensor> {
  return new Map(
    outputs.flatMap(({ name, also, shape, perImage }) => {
      const output = { shape: perImage ? [images, ...shape] : shape, data: results[name] as Float32Array };
      return [name, ...also].map(each => [each, output] as const);
    }),
  );
}
