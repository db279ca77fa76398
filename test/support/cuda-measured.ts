import { type Emission, emit } from "../../src/compile.ts";
import { choicesAt, defaultsWith, mlpCandidates } from "../../src/emit/cuda/candidates.ts";
import { depthwiseChoices } from "../../src/emit/cuda/kernels/convolutions.ts";
import { type CudaOptions, cudaTarget } from "../../src/emit/cuda/target.ts";
import type { KernelTarget } from "../../src/emit/target.ts";
import type { StorageType } from "../../src/model/model.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { depthwiseKey, type TunedChoices } from "../../src/plan/tiles/tuned-choices.ts";

/** A CUDA target with choices for the kernels of the plan that it makes without any. */
export function targetWith(
  dtype: StorageType,
  options: CudaOptions,
  of: Omit<Emission, "target">,
  choose: (plan: Plan) => TunedChoices,
): KernelTarget {
  const usual = emit({ ...of, target: cudaTarget(dtype, options) });
  if (!usual.ok || usual.value.plan === null) throw new Error("it does not compile");
  const measured = choose(usual.value.plan);
  return cudaTarget(dtype, { ...options, tuned: () => measured });
}

/** So many blocks share the k of every product's tile. */
export const inParts =
  (split: number) =>
  ({ steps, batch }: Plan): TunedChoices =>
    defaultsWith(steps, batch.max, { split });

/** Threads of depthwise convolutions go down a strip, or make all their sites at once; nothing is split. */
export const depthwiseBy =
  (way: "strip" | "tile") =>
  (plan: Plan): TunedChoices => {
    const choices = plan.steps.flatMap(step => {
      if (step.kind !== "depthwise") return [];
      const all = depthwiseChoices(step.params, plan.batch.max);
      const choice = all.find(({ rows, strip }) => (way === "strip" ? strip > rows : strip === rows));
      return choice ? [[depthwiseKey(step.params), choice] as const] : [];
    });
    return { ...inParts(1)(plan), depthwise: new Map(choices) };
  };

/** The values between the linears of a block are made anew where they can be, in the way that comes at `way`; nothing is split. */
export const madeAnew =
  (way: number) =>
  (plan: Plan): TunedChoices => ({ ...inParts(1)(plan), mlps: choicesAt(hiddenShapes(plan), way).mlps });

/** The shapes of linears of which the second can make the values between them anew, and the ways in which it can. */
export const hiddenShapes = (plan: Plan) => mlpCandidates(plan, 101_376).map(({ of }) => of);
