import { type Augment, changes, mixes, type Recipe } from "../model/model.ts";

const listed = (values: readonly number[]): string => `[${values.join(", ")}]`;

/** A recipe as a spec has it, every field stated, a line each. */
export function printRecipe(recipe: Recipe): readonly string[] {
  const { length, optimizer, schedule, layerDecay } = recipe;
  const { lr, betas, weightDecay, decays, eps } = optimizer;
  const { warmup, total, first, minLr } = schedule;
  return [
    `train ${recipe.name} {`,
    `model ${recipe.model}`,
    `batch ${recipe.batch}`,
    `accumulate ${recipe.accumulate}`,
    `${length.unit} ${length.count}`,
    `optimizer adamw {`,
    `lr ${lr}`,
    `betas ${listed(betas)}`,
    `weight_decay ${weightDecay}`,
    `decays ${decays}`,
    `eps ${eps}`,
    "}",
    "schedule cosine {",
    `warmup ${warmup}`,
    `total ${total}`,
    `first ${first}`,
    `min_lr ${minLr}`,
    "}",
    `clip ${recipe.clip ?? "none"}`,
    `ema ${recipe.ema ?? "none"}`,
    `layer_decay ${layerDecay ?? "none"}`,
    ...(layerDecay === null ? [] : [`layer_decay_type ${recipe.layerDecayType}`]),
    `drop_path ${recipe.dropPath}`,
    ...(recipe.smoothing === 0 ? [] : [`smoothing ${recipe.smoothing}`]),
    ...printAugment(recipe.augment),
    `seed ${recipe.seed}`,
    `init ${recipe.init ?? "official"}`,
    "}",
  ];
}

/** Nothing where nothing is changed; what mixes only where something does, since not every model has labels. */
function printAugment(augment: Augment): readonly string[] {
  if (!changes(augment)) return [];
  const { crop, flip, mixup, cutmix } = augment;
  return [
    "augment {",
    ...(crop === null ? [] : [`crop ${crop.min}..${crop.max}`]),
    `flip ${flip}`,
    ...(mixes(augment) ? [`mixup ${mixup}`, `cutmix ${cutmix}`] : []),
    "}",
  ];
}
