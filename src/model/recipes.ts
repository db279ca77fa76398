import { error, warning } from "../diagnostics/messages.ts";
import type { Nearest } from "../diagnostics/nearest.ts";
import type { ModelDeclaration, TrainDeclaration } from "../syntax/ast.ts";
import { type TrainSettings, trainFields } from "./fields.ts";
import { nearestMultiples } from "./legal.ts";
import { type AdamW, type Augment, type CosineSchedule, type Head, type Model, mixes, type Recipe } from "./model.ts";
import { type Report, readFields } from "./read.ts";

/** What a recipe has to know of all models. */
interface Models {
  readonly declared: ReadonlyMap<string, ModelDeclaration>;
  /** Those that are right. */
  readonly assembled: ReadonlyMap<string, Model>;
  readonly nearest: Nearest;
  readonly report: Report;
}

/** A recipe with its defaults, or null where it is wrong. */
export function checkRecipe({ name, body, span }: TrainDeclaration, models: Models): Recipe | null {
  const { declared, assembled, nearest, report } = models;
  const settings = readFields(trainFields, body.fields, { owner: "a recipe", path: "" }, report);
  if (settings === null) return null;
  const owner = `train ${name.text}`;
  const length = lengthOf(settings, name.span, owner, report);
  if (settings.model === undefined) report(error("missing-field", name.span, owner, "model"));
  if (settings.model === undefined || length === null) return null;
  const { value: text, span: place } = settings.model;
  if (!declared.has(text)) report(error("unknown-model", place, text, nearest(text)));
  const model = assembled.get(text);
  if (model === undefined || !learns(model, place, report)) return null;
  const recipe = recipeOf(name.text, model, length, settings, { ...span, end: name.span.end });
  return fits(recipe, model, settings, report) ? recipe : null;
}

/** How long a model is trained that no recipe is for. */
const usualLength: Recipe["length"] = { unit: "epochs", count: 100 };

/** What a model is trained by without a recipe: every default, for 100 epochs. Null where it has no loss. */
export const defaultRecipe = (model: Model, report: Report): Recipe | null =>
  learns(model, model.span, report) ? recipeOf(model.name, model, usualLength, {}, model.span) : null;

function learns({ name, head }: Model, place: Recipe["span"], report: Report): boolean {
  const idle = idleHeads[head.kind] as (head: Head) => string | null;
  const why = idle(head);
  if (why !== null) report(error("nothing-to-learn", place, name, why));
  return why === null;
}

function recipeOf(
  name: string,
  model: Model,
  length: Recipe["length"],
  settings: TrainSettings,
  span: Recipe["span"],
): Recipe {
  const { batch, accumulate } = { batch: settings.batch?.value ?? 64, accumulate: settings.accumulate?.value ?? 1 };
  return {
    name,
    model: model.name,
    batch,
    accumulate,
    length,
    optimizer: optimizerOf(settings, model, batch * accumulate),
    schedule: scheduleOf(settings, length),
    clip: settings.clip?.value ?? null,
    ema: settings.ema?.value ?? null,
    layerDecay: settings.layer_decay?.value ?? null,
    layerDecayType: settings.layer_decay_type?.value ?? "single",
    dropPath: settings.drop_path?.value ?? 0,
    smoothing: settings.smoothing?.value ?? 0,
    augment: augmentOf(settings),
    seed: settings.seed?.value ?? 0,
    init: settings.init === undefined ? 0.02 : settings.init.value,
    span,
  };
}

/** Why a head has no loss, or null where it has one. */
const idleHeads: { readonly [K in Head["kind"]]: (head: Extract<Head, { kind: K }>) => string | null } = {
  classifier: ({ classes, problem }) =>
    classes === 0
      ? "a classifier of 0 classes"
      : problem === "multi_label"
        ? "a classifier of problem multi_label"
        : null,
  features: () => "head features",
  fcmae: () => null,
};

function lengthOf({ steps, epochs }: TrainSettings, name: Recipe["span"], owner: string, report: Report) {
  if (steps !== undefined && epochs !== undefined) {
    report(error("steps-and-epochs", epochs.span));
    return null;
  }
  if (steps !== undefined) return { unit: "steps", count: steps.value } as const;
  if (epochs !== undefined) return { unit: "epochs", count: epochs.value } as const;
  report(error("missing-field", name, owner, "steps or epochs"));
  return null;
}

/** As published where nothing is said: 1.5e-4 for every 256 images, and the betas of pre-training or of fine-tuning. */
function optimizerOf({ optimizer }: TrainSettings, { head }: Model, images: number): AdamW {
  const { lr, per, betas, weight_decay, decays, eps } = optimizer?.value.settings ?? {};
  const [beta1, beta2] = betas?.value.map(({ value }) => value) ?? [];
  const unit = per?.value ?? (lr === undefined ? 256 : images);
  return {
    lr: ((lr?.value ?? 1.5e-4) * images) / unit,
    betas: [beta1 ?? 0.9, beta2 ?? (head.kind === "fcmae" ? 0.95 : 0.999)],
    weightDecay: weight_decay?.value ?? 0.05,
    decays: decays?.value ?? "default",
    eps: eps?.value ?? 1e-8,
  };
}

/** A twentieth of the whole warms up, as published: 40 of 800 epochs. */
function scheduleOf({ schedule }: TrainSettings, { count }: Recipe["length"]): CosineSchedule {
  const { warmup, total: stated, first, min_lr } = schedule?.value.settings ?? {};
  const total = stated?.value ?? count;
  return { warmup: warmup?.value ?? total / 20, total, first: first?.value ?? 0, minLr: min_lr?.value ?? 0 };
}

function augmentOf({ augment }: TrainSettings): Augment {
  const { crop, flip, mixup, cutmix } = augment?.value ?? {};
  return {
    crop: crop?.value ?? null,
    flip: flip?.value ?? false,
    mixup: mixup?.value ?? 0,
    cutmix: cutmix?.value ?? 0,
  };
}

/** The depths that the published groups of layers are for. */
const groupedDepths = "3, 3, 27, 3";

/** Whether what is right by itself is right together; what is odd about it is a warning. */
function fits(recipe: Recipe, { stages, head }: Model, settings: TrainSettings, report: Report): boolean {
  const { length, schedule, optimizer } = recipe;
  const given = settings.schedule?.value.settings;
  const end = schedule.first + length.count;
  const [bound, what] =
    given?.total !== undefined && schedule.total < end ? [schedule.total, "total"] : [end, length.unit];
  if (schedule.warmup > 0 && schedule.warmup >= bound)
    report(warning("warmup-too-long", given?.warmup?.span ?? recipe.span, schedule.warmup, bound, length.unit, what));
  if (optimizer.weightDecay === 0)
    report(warning("nothing-decays", settings.optimizer?.value.settings.weight_decay?.span ?? recipe.span));
  if (settings.smoothing !== undefined && head.kind !== "classifier")
    report(warning("no-labels", settings.smoothing.span, recipe.model));
  const canMix = !mixes(recipe.augment) || mixable(recipe, head, settings, report);
  if (settings.layer_decay_type !== undefined && recipe.layerDecay === null)
    report(warning("no-layer-decay", settings.layer_decay_type.span));
  const depths = stages.map(({ depth }) => depth).join(", ");
  if (recipe.layerDecayType === "single" || depths === groupedDepths) return canMix;
  report(error("layer-groups", settings.layer_decay_type?.span ?? recipe.span, depths, groupedDepths));
  return false;
}

/** Whether there are labels to mix, and images to mix two by two. */
function mixable({ model, batch }: Recipe, head: Head, { augment, batch: stated }: TrainSettings, report: Report) {
  const { mixup, cutmix } = augment?.value ?? {};
  const place = [mixup, cutmix].find(stated => (stated?.value ?? 0) > 0)?.span ?? null;
  if (head.kind !== "classifier") report(error("no-labels-to-mix", place, model));
  else if (batch % 2 === 1) report(error("odd-to-mix", stated?.span ?? place, batch, nearestMultiples(batch, 2)));
  else return true;
  return false;
}
