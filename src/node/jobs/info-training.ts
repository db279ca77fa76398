import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { predict } from "../../explore/predict.ts";
import { profileOf } from "../../explore/profile.ts";
import { type Learning, summariseLearning } from "../../inspect/learning.ts";
import type { PredictedLearning, StepTime } from "../../inspect/learning-text.ts";
import { defaultProfile } from "../../inspect/subject.ts";
import { openDevice, shippedDevices } from "../inputs/devices.ts";
import { oneRecipe } from "../inputs/one-recipe.ts";
import type { InfoJob } from "./info.ts";

export interface TrainingInfoJob extends InfoJob {
  readonly train: string;
}

/** What a step of a recipe needs, and how long it would take on the devices that run WebGPU's tiles. */
export function trainingInfo(job: TrainingInfoJob): Result<PredictedLearning> {
  const { target, dtype, models, batch, sites } = job;
  const chosen = oneRecipe({ ...job, model: null });
  if (!chosen.ok) return chosen;
  const { recipe, model } = chosen.value;
  if ((target ?? "wgsl") !== "wgsl" || (dtype ?? "f32") !== "f32") return fail(error("learning-lowered", null));
  if (models?.includes(recipe.model) === false) return fail(error("recipe-model", null, recipe.name, recipe.model));
  const found = summariseLearning({ model, recipe, batch: batch?.max ?? recipe.batch, sites });
  if (!found.ok) return found;
  return ok({ ...found.value.summary, predicted: stepTimes(found.value) }, [
    ...chosen.diagnostics,
    ...found.diagnostics,
  ]);
}

function stepTimes({ summary: { batch, accumulate }, plan, optimizerBytes }: Learning): readonly StepTime[] {
  const launches = profileOf({ ...plan, steps: [...plan.setup, ...plan.steps] });
  const profile = { kernels: launches.map(({ cost }) => ({ cost, count: 1 })) };
  return shippedDevices().flatMap(name => {
    const device = openDevice(name);
    if (!device.ok || device.value.tuning !== defaultProfile.wgsl) return [];
    const { rates, bandwidth } = device.value;
    if (rates.f32 === undefined) return [];
    const pass = predict(profile, device.value, rates.f32, batch).seconds;
    return [{ device: name, seconds: accumulate * pass + optimizerBytes / bandwidth }];
  });
}
