import type { Result } from "../diagnostics/diagnostic.ts";
import { comparisons } from "../model/comparisons.ts";
import { countParameters } from "../model/count.ts";
import type { Model, Sweep } from "../model/model.ts";
import { modelAt } from "../model/sweeps.ts";

/** What is varied, and between how many values. */
interface Varied {
  readonly axes: readonly { readonly values: readonly unknown[] }[];
}

/** How many points a sweep's product has, however many that are. */
export const productOf = ({ axes }: Varied): number => axes.reduce((product, { values }) => product * values.length, 1);

/** Which value of each axis a point has: the last axis varies fastest. */
export function choiceAt({ axes }: Varied, index: number): readonly number[] {
  const choice: number[] = [];
  let rest = index;
  for (const { values } of [...axes].reverse()) {
    choice.unshift(rest % values.length);
    rest = Math.floor(rest / values.length);
  }
  return choice;
}

export const indexOf = ({ axes }: Sweep, choice: readonly number[]): number =>
  axes.reduce((index, { values }, i) => index * values.length + (choice[i] ?? 0), 0);

/** A point of the product: its model, which no requirement that needs no kernels forbids. */
export interface Point {
  readonly index: number;
  readonly choice: readonly number[];
  readonly model: Model;
  readonly params: number;
}

/** Whether a sweep's requirements of one quantity hold. */
export const meets = ({ requirements }: Sweep, quantity: "params" | "macs", value: number): boolean =>
  requirements.every(each => each.quantity !== quantity || comparisons[each.compare](value, each.limit));

/** The model at a point; null where its values do not fit together or its parameters break a requirement. */
export function pointAt(sweep: Sweep, index: number): Point | null {
  const choice = choiceAt(sweep, index);
  const model: Result<Model> = modelAt(sweep, choice, `${sweep.name}_${index}`);
  if (!model.ok) return null;
  const params = countParameters(model.value);
  return meets(sweep, "params", params) ? { index, choice, model: model.value, params } : null;
}
