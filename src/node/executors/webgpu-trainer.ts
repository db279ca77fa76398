import { planTraining } from "../../compile.ts";
import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { describeTrainer } from "../../emit/wgsl/trainer.ts";
import type { TrainerDescriptor } from "../../runtime/descriptor.ts";
import { requestDevice } from "../../runtime/device.ts";
import { createTrainer } from "../../runtime/training/trainer.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { loadDawn } from "../gpu/dawn.ts";
import { failing, told } from "./model-errors.ts";
import type { OpenTrainer, Trainer, TrainerRequest } from "./trainer.ts";
import { arraysOf } from "./webgpu.ts";

/** Our WGSL in this process, which `enterGpuProcess` started for the adapter; tiles are those of the adapter. */
export const webgpuTrainer =
  (kind: AdapterKind): OpenTrainer =>
  async request => {
    const descriptor = trainerDescriptor(kind, request);
    return descriptor.ok ? startTrainer(descriptor.value, kind, request) : descriptor;
  };

/** What a recipe's model learns by on an adapter. */
export function trainerDescriptor(
  kind: AdapterKind,
  { model, recipe }: Pick<TrainerRequest, "model" | "recipe">,
): Result<TrainerDescriptor> {
  const planned = planTraining({ model, recipe, target: wgslTarget(kind, false) });
  return planned.ok ? ok(describeTrainer(planned.value.plan, { ema: recipe.ema !== null })) : planned;
}

/** The same, with a descriptor that is there. */
export async function startTrainer(
  descriptor: TrainerDescriptor,
  kind: AdapterKind,
  { recipe, params, start }: Omit<TrainerRequest, "model">,
): Promise<Result<Trainer>> {
  const gpu = await loadDawn();
  if (!gpu.ok) return gpu;
  return told(async () => {
    const device = await requestDevice(descriptor, gpu.value);
    const { betas, eps } = recipe.optimizer;
    const { clip, ema } = recipe;
    const trainer = await createTrainer(descriptor, {
      device,
      params,
      betas,
      eps,
      clip,
      ema,
      start: async (kind, name) => {
        const values = await start(kind, name);
        return values === null || values instanceof Float32Array ? values : Float32Array.from(values);
      },
    });
    return ok({
      on: `WebGPU (${kind})`,
      accumulate: (inputs, share) => failing(async () => (await trainer.accumulate(arraysOf(inputs), share)).result),
      update: request => failing(async () => (await trainer.update(request)).result),
      read: (kind, name) => failing(() => trainer.read(kind, name)),
      close: async () => {
        trainer.dispose();
        device.destroy();
      },
    });
  });
}
