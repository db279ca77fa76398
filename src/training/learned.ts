import type { Model, Recipe } from "../model/model.ts";
import { decays } from "./decay-rules.ts";
import { layerScale } from "./layer-decay.ts";

/** A parameter under its official name, and how a recipe treats it. */
export interface Learned {
  readonly name: string;
  readonly shape: readonly number[];
  /** What its learning rate is of the schedule's. */
  readonly lrScale: number;
  /** 0 where it does not decay. */
  readonly weightDecay: number;
}

/** The parameters of a model as a recipe treats them. */
export function learnedBy(
  recipe: Recipe,
  model: Model,
  params: readonly Pick<Learned, "name" | "shape">[],
): readonly Learned[] {
  const depths = model.stages.map(({ depth }) => depth);
  const { weightDecay, decays: rule } = recipe.optimizer;
  return params.map(({ name, shape }) => ({
    name,
    shape,
    lrScale: layerScale(recipe.layerDecay ?? 1, recipe.layerDecayType, name, depths),
    weightDecay: decays(rule, name) ? weightDecay : 0,
  }));
}
