import type { ValueId } from "../../../graph/graph.ts";
import type { StorageType } from "../../../model/model.ts";
import type { KernelCall, Port } from "../../../plan/plan.ts";
import type { SchedulePass } from "../../../plan/schedule-pass.ts";
import { productKey, type TunedChoices } from "../../../plan/tiles/tuned-choices.ts";
import { mlpFits } from "../kernels/mlp.ts";

/** The linears of a block, where nobody but the second reads what the first makes. */
export interface Pair {
  readonly expand: KernelCall<"gemm">;
  readonly project: KernelCall<"gemm">;
}

/**
 * Where a tuning table says so, the first linear of a block leaves only its statistics, and one launch makes both linears
 * once GRN's factors are known: it rematerialises the hidden values between them, which are never stored.
 *
 *   %a = gemm(input: %x, weight: %w1, …) -> output: %a, squares: %s, scale: %f, …
 *   %y = gemm(input: %a, weight: %w2, scale: %f, residual: %r, …) -> output: %y
 *   ⟶
 *   %a = gemm(input: %x, weight: %w1, …) -> squares: %s, scale: %f, …
 *   %y = mlp(input: %x, weight1: %w1, …, scale: %f, weight2: %w2, …, residual: %r) -> output: %y
 */
export const mergeLinears = (dtype: StorageType, mlps: TunedChoices["mlps"]): SchedulePass => ({
  name: "merge-linears",
  summary: "Make both linears of a block in one launch, where a tuning table says so",
  run: schedule => {
    const taken = new Map<KernelCall, KernelCall>();
    for (const { expand, project } of mlps.size === 0 ? [] : linearPairs(schedule.steps, schedule.outputs)) {
      const choice = mlps.get(productKey(expand.params));
      const params = choice && { expand: expand.params, project: project.params, choice };
      if (params === undefined || !mlpFits(params, dtype)) continue;
      const { output: _, ...statistics } = expand.writes;
      taken.set(expand, { ...expand, params: { ...expand.params, statisticsOnly: true }, writes: statistics });
      const { input = "", weight: weight1 = "", bias: bias1 = "" } = expand.reads;
      const { weight: weight2 = "", bias: bias2 = "", scale = "", residual = "" } = project.reads;
      const reads = { input, weight1, bias1, scale, weight2, bias2, residual };
      taken.set(project, { ...project, kind: "mlp", params, reads });
    }
    return { ...schedule, steps: schedule.steps.map(step => taken.get(step) ?? step) };
  },
});

const isProduct = (step: KernelCall): step is KernelCall<"gemm"> => step.kind === "gemm";

/** Every pair of linears that may be one launch. */
export function linearPairs(steps: readonly KernelCall[], outputs: readonly Port[]): readonly Pair[] {
  const kept = new Set(outputs.map(({ buffer }) => buffer));
  const readers = new Map<ValueId, KernelCall[]>();
  for (const step of steps)
    for (const value of new Set(Object.values(step.reads))) {
      const known = readers.get(value);
      if (known === undefined) readers.set(value, [step]);
      else known.push(step);
    }
  return steps.filter(isProduct).flatMap(expand => {
    const hidden = expand.writes.output;
    const [project, ...others] = (hidden !== undefined && !kept.has(hidden) && readers.get(hidden)) || [];
    const alone = project && others.length === 0 && isProduct(project) && project.reads.input === hidden;
    return alone ? [{ expand, project }] : [];
  });
}
