import type { ValueId } from "../../../graph/graph.ts";
import { counters } from "../../../plan/place.ts";
import type { KernelCall } from "../../../plan/plan.ts";
import type { SchedulePass } from "../../../plan/schedule-pass.ts";

/**
 * GRN's factors by the product that leaves the squares: the last block of an image adds its sums up. Factors over the
 * whole batch stay a launch of their own.
 *
 *   %a = gemm(input: %x) -> output: %a, squares: %s
 *   %f = grnScale(partials: %s, gamma: %g) -> scale: %f
 *   ⟶
 *   %a = gemm(input: %x, gamma: %g) -> output: %a, squares: %s, scale: %f, counter: %block counters
 */
export const finishGrn: SchedulePass = {
  name: "finish-grn",
  summary: "Let the last block of a product turn its sums of squares into GRN's factors",
  run: schedule => {
    const steps: KernelCall[] = [];
    /** Where the product is that leaves these squares. */
    const leaving = new Map<ValueId, number>();
    for (const step of schedule.steps) {
      const at = step.kind === "grnScale" && !step.params.batch ? leaving.get(step.reads.partials ?? "") : undefined;
      const product = at === undefined ? undefined : steps[at];
      if (at !== undefined && product?.kind === "gemm") {
        steps[at] = {
          ...product,
          params: { ...product.params, grnEpilogue: true },
          reads: { ...product.reads, gamma: step.reads.gamma ?? "" },
          writes: { ...product.writes, ...step.writes, counter: counters },
        };
        continue;
      }
      if (step.kind === "gemm" && step.writes.squares !== undefined) leaving.set(step.writes.squares, steps.length);
      steps.push(step);
    }
    return { ...schedule, steps };
  },
};
