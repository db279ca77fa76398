import type { Optimizer, RecipeDescriptor } from "../descriptor.ts";
import { check } from "../errors.ts";
import type { Learned } from "./shelves.ts";

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isDecay = (value: unknown): boolean => isNumber(value) && value >= 0 && value < 1;
const isSize = (value: unknown): boolean => isNumber(value) && value >= 0;
const isPositive = (value: unknown): boolean => isSize(value) && value !== 0;

const expected: { readonly [K in keyof Optimizer]: readonly [(value: unknown) => boolean, what: string] } = {
  betas: [value => Array.isArray(value) && value.length === 2 && value.every(isDecay), "two numbers from 0 to below 1"],
  eps: [isPositive, "a number above 0"],
  weightDecay: [isSize, "a number from 0"],
  clip: [value => value === null || isPositive(value), "a number above 0, or null"],
  ema: [value => value === null || isDecay(value), "a number from 0 to below 1, or null"],
};

const names = Object.keys(expected) as (keyof Optimizer)[];

/** The recipe's numbers, or those given in their place. Throws InputError. */
export function optimizerOf(recipe: RecipeDescriptor, given: Partial<Optimizer>): Optimizer {
  const unknown = Object.keys(given).find(name => !(name in expected));
  check(unknown === undefined, "input", `the optimizer has no '${unknown}', it has ${names.join(", ")}`);
  const { betas, eps, weightDecay, clip, ema } = { ...recipe, ...given };
  const optimizer: Optimizer = { betas, eps, weightDecay, clip, ema };
  for (const name of names) {
    const [fits, what] = expected[name];
    check(fits(optimizer[name]), "input", `the optimizer's ${name} is ${what}, not ${optimizer[name]}`);
  }
  const [has, wants] = [recipe.ema, ema].map(decay => (decay === null ? "no average" : "an average"));
  check(has === wants, "input", `the kernels keep ${has} of the weights: compile a recipe that has ${wants}`);
  return optimizer;
}

/** How each parameter is treated. */
export const treatments = ({ params }: RecipeDescriptor, { weightDecay }: Optimizer): readonly Learned[] =>
  params.map(({ name, lrScale, decays }) => ({ name, lrScale, weightDecay: decays ? weightDecay : 0 }));

/** Throws InputError unless it is a learning rate. */
export const checkLearningRate = (lr: unknown): void =>
  check(isSize(lr), "input", `the learning rate is a number from 0, not ${lr}`);

/** Throws InputError unless it is a share. */
export const checkShare = (share: unknown): void =>
  check(isPositive(share), "input", `a share in a step is a number above 0, not ${share}`);
