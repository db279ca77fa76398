import type { Recipe } from "../../model/model.ts";
import { groupingPasses, kernelPasses } from "../../passes/all.ts";
import type { Plan } from "../../plan/plan.ts";
import { printPlan } from "../../plan/print.ts";
import { profileFor, tuningProfiles, type WebgpuProfileName } from "../../plan/tiles/tuning-profiles.ts";
import { banner } from "../banner.ts";
import { type EmitContext, type KernelTarget, loweredOps, type OutputFile } from "../target.ts";
import { describe, type ModelDescriptor } from "./descriptor.ts";
import { wgslKernel } from "./kernels.ts";
import { wgslProblems } from "./limits.ts";
import { describeTrainer, type TrainerDescriptor } from "./trainer.ts";
import { weightFiles } from "./weights.ts";

/** Writes what runs the kernels: modules around a model's descriptor, and around that of what trains it, where there is one. */
export type HostWriter = (
  descriptor: ModelDescriptor,
  context: EmitContext,
  training: TrainingFiles | null,
  software: ModelDescriptor | null,
) => readonly OutputFile[];

/** What trains a model. */
export interface TrainingFiles {
  readonly recipe: Recipe;
  readonly descriptor: TrainerDescriptor;
}

/**
 * WGSL kernels with the tiles of one tuning profile; `half` stores maps and matrices as f16. What `host` writes goes
 * beside them; with `software`, for adapters of both kinds.
 */
export const wgslTarget = (
  tuning: WebgpuProfileName,
  half: boolean,
  host: HostWriter = () => [],
  software = false,
): KernelTarget => ({
  name: "wgsl",
  takes: "plan",
  rewriting: kernelPasses,
  grouping: groupingPasses,
  legal: loweredOps,
  precision: half ? "f16" : "f32",
  profile: batch => profileFor(tuning, batch),
  schedulePasses: () => [],
  kernel: wgslKernel(half),
  memory: "buffers",
  problems: wgslProblems,
  emit: (plan, context) => emit(plan, context, host, tuningProfiles[tuning].sharesKernels),
  ...(software ? { software: wgslTarget("software", half) } : {}),
});

function emit(plan: Plan, context: EmitContext, host: HostWriter, shared: boolean): readonly OutputFile[] {
  const software = context.software ? describe(context.software, true) : null;
  const made = describe(plan, shared);
  // One device serves either: it is asked for before it is known which it is.
  const descriptor = software === null ? made : { ...made, limits: largest(made.limits, software.limits) };
  const comment = banner(context)
    .map(line => `// ${line}\n`)
    .join("");
  const { training } = context;
  const taught = training
    ? {
        recipe: training.recipe,
        descriptor: describeTrainer(training.plan, { ema: training.recipe.ema !== null }),
      }
    : null;
  return [
    ...host(descriptor, context, taught, software),
    ...kernelFiles("wgsl", comment, descriptor.kernels),
    { path: "plan.txt", contents: printPlan(plan) },
    ...(training && taught
      ? [
          ...kernelFiles("wgsl/training", comment, [
            ...taught.descriptor.kernels,
            ...optimizerKernels(taught.descriptor),
          ]),
          { path: "training_plan.txt", contents: printPlan(training.plan) },
        ]
      : []),
    ...weightFiles(plan, context, comment),
  ];
}

type Limits = ModelDescriptor["limits"];

/** Each limit as the one that needs more of it needs it. */
const largest = (one: Limits, other: Limits): Limits =>
  Object.fromEntries(
    Object.entries(one).map(([name, needed]) => [name, Math.max(needed, other[name as keyof Limits] ?? 0)]),
  ) as Limits;

interface Kernel {
  readonly name: string;
  readonly code: string;
}

const kernelFiles = (folder: string, comment: string, kernels: readonly Kernel[]): readonly OutputFile[] =>
  kernels.map(({ name, code }) => ({ path: `${folder}/${name}.wgsl`, contents: comment + code }));

const optimizerKernels = ({ optimizer }: TrainerDescriptor): readonly Kernel[] =>
  Object.entries(optimizer).map(([name, code]) => ({ name: `optimizer/${name}`, code }));
