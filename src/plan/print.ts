import { scratchBytes } from "./cost.ts";
import type { Buffer, Operand, Plan, Port, Step } from "./plan.ts";

/**
 * The plan as text: buffers with their places, then the kernels in order.
 *
 *   %stages.0.0.pwconv1 = gemm(input: %stages.0.0.norm, …) -> output: %stages.0.0.act, squares: %… {10 x 49 x N groups of 16 x 16}
 */
export function printPlan(plan: Plan): string {
  const batch = plan.batch.min === plan.batch.max ? `${plan.batch.min}` : `${plan.batch.min}..${plan.batch.max}`;
  const lines = [
    `plan ${plan.name} {`,
    `  batch ${batch}`,
    ...plan.inputs.map(port => `  input ${printPort(port)}`),
    ...plan.outputs.map(port => `  output ${printPort(port)}`),
    `  scratch ${scratchBytes(plan)} bytes an image, in ${plan.arenas.length} arenas of ${plan.arenas.join(", ")}`,
    "  buffers {",
    ...[...plan.buffers.values()].map(buffer => `    ${printBuffer(buffer)}`),
    "  }",
    "  setup {",
    ...plan.setup.map(step => `    ${printStep(step)}`),
    "  }",
    "  steps {",
    ...plan.steps.map(step => `    ${printStep(step)}`),
    "  }",
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

const printPort = ({ name, buffer, shape, perImage }: Port): string =>
  `${name}: %${buffer} [${[...(perImage ? ["N"] : []), ...shape].join(", ")}]`;

function printBuffer({ name, role, storage, elements, perImage, slot }: Buffer): string {
  const place =
    slot === null ? "" : ` in ${slot.arena === "weights" ? "weights" : `arena ${slot.arena}`} at ${slot.offset}`;
  return `%${name}: ${role} ${storage}[${perImage ? "N * " : ""}${elements}]${place}`;
}

function printStep(step: Step): string {
  const listed = (access: Operand["access"]): string =>
    step.operands
      .filter(operand => operand.access === access)
      .map(({ role, value }) => `${role}: %${value}`)
      .join(", ");
  const { grid, group } = launchText(step);
  return `%${step.name} = ${step.kind}(${listed("read")}) -> ${listed("write")} {${grid} groups of ${group}}`;
}

/** Workgroups, the batch as `N`, and the threads of each: `3 x 38 x N`, `16 x 16`. */
export const launchText = ({ grid, images, workgroup }: Pick<Step, "grid" | "images" | "workgroup">) => ({
  grid: [...grid, ...(images === 0 ? [] : [images === 1 ? "N" : `N / ${images}`])].join(" x "),
  group: workgroup.join(" x "),
});
