import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Plan } from "../../plan/plan.ts";
import type { CudaKernel } from "./kernels/shared.ts";
import type { CudaProgram, NamedKernel } from "./program.ts";

/** What no device allows to exceed, and what the text of kernels takes for granted. */
export const cudaLimits = {
  /** Bytes of shared memory of a block, on the devices that have the most: compute capability 9.0 and 10.0. */
  sharedBytes: 232_448,
  /** Blocks along y and z. */
  blocks: 65_535,
  /** Elements of an operand: kernels index with 32 bits, and tiles reach beyond its end. */
  elements: 2 ** 30,
} as const;

/** Why no device could run a program, or would lose count in it: what is wrong with each of its kernels. */
export const cudaProblems = (program: CudaProgram): readonly Diagnostic[] =>
  program.kernels.flatMap(named => problemsOf(named, program.plan));

function problemsOf({ name, kernel }: NamedKernel, { steps, batch: { max: batch } }: Plan): readonly Diagnostic[] {
  const place = steps.find(step => step.name === name)?.span ?? null;
  const what = `'${name}'`;
  const elements = Math.max(...kernel.operands.map(operand => elementsOf(operand, kernel, batch)));
  const blocks = Math.max(kernel.grid[1], kernel.images === 0 ? 1 : Math.ceil(batch / kernel.images));
  return [
    ...(elements > cudaLimits.elements
      ? [error("cuda-elements-too-many", place, what, elements, cudaLimits.elements)]
      : []),
    ...(blocks > cudaLimits.blocks ? [error("grid-too-large", place, what, blocks, cudaLimits.blocks)] : []),
    ...(kernel.shared > cudaLimits.sharedBytes
      ? [error("cuda-shared-too-large", place, what, kernel.shared, cudaLimits.sharedBytes)]
      : []),
  ];
}

const elementsOf = (
  { elements, perImage }: CudaKernel["operands"][number],
  { wholeBatch }: CudaKernel,
  batch: number,
): number => elements * (wholeBatch && perImage ? batch : 1);
