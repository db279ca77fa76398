import { renderTemplate } from "../../embedded/render-template.ts";
import type { Plan } from "../../plan/plan.ts";
import type { TrainerDescriptor } from "../../runtime/descriptor.ts";
import { describe } from "./descriptor.ts";

export type { TrainerDescriptor };

/** The plan of a graph that learns as the runtime trains by it; `ema` where an average of the weights is kept. */
export function describeTrainer(plan: Plan, { ema }: { readonly ema: boolean }): TrainerDescriptor {
  return {
    ...describe(plan),
    optimizer: {
      accumulate: renderTemplate("wgsl/accumulate", {}),
      gradientSquares: renderTemplate("wgsl/gradient-squares", {}),
      gradientNorm: renderTemplate("wgsl/gradient-norm", {}),
      adamw: renderTemplate("wgsl/adamw", { ema }),
    },
  };
}
