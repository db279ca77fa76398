import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { distinctKernels, type Plan, type Step } from "../../plan/plan.ts";
import { sourceOf } from "./kernels.ts";

/** What no device allows to exceed, and what the text of kernels takes for granted. */
export const cudaLimits = {
  /** Bytes of shared memory of a block, on the devices that have the most: compute capability 9.0 and 10.0. */
  sharedBytes: 232_448,
  /** Blocks along y and z. */
  blocks: 65_535,
  /** Elements of an operand: kernels index with 32 bits, and tiles reach beyond its end. */
  elements: 2 ** 30,
} as const;

/** Why no device could run a plan, or would lose count in it: what is wrong with each of its kernels. */
export const cudaProblems = (plan: Plan): readonly Diagnostic[] =>
  distinctKernels(plan.steps).kernels.flatMap(step => problemsOf(step, plan));

function problemsOf(step: Step, plan: Plan): readonly Diagnostic[] {
  const { name, span, operands, grid, images } = step;
  const batch = plan.batch.max;
  const { shared, wholeBatch } = sourceOf(step, plan);
  const what = `'${name}'`;
  const elements = Math.max(...operands.map(of => of.elements * (wholeBatch && of.perImage ? batch : 1)));
  const blocks = Math.max(grid[1], images === 0 ? 1 : Math.ceil(batch / images));
  return [
    ...(elements > cudaLimits.elements
      ? [error("cuda-elements-too-many", span, what, elements, cudaLimits.elements)]
      : []),
    ...(blocks > cudaLimits.blocks ? [error("grid-too-large", span, what, blocks, cudaLimits.blocks)] : []),
    ...(shared > cudaLimits.sharedBytes
      ? [error("cuda-shared-too-large", span, what, shared, cudaLimits.sharedBytes)]
      : []),
  ];
}
