import { type Buffer, bufferBytes, type Plan, type Port, type Step } from "./plan.ts";

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

/** Peak of scratch memory, bytes an image. */
export const scratchBytes = (plan: Plan): number => plan.arenas.reduce((a, b) => a + b, 0);

/** Bytes that one image's steps read and write, each binding once: what crosses memory if nothing is cached. */
export function bytesMoved(plan: Plan): number {
  let bytes = 0;
  for (const step of plan.steps)
    for (const value of [...Object.values(step.reads), ...Object.values(step.writes)])
      bytes += bufferBytes(plan.buffers.get(value) as Buffer);
  return bytes;
}

/** Bytes of what stays on the device between runs. */
export const weightBytes = (plan: Plan): number => {
  const read = new Set(plan.steps.flatMap(step => Object.values(step.reads)));
  return [...plan.buffers.values()]
    .filter(buffer => read.has(buffer.name) && (buffer.role === "param" || buffer.role === "packed"))
    .reduce((sum, buffer) => sum + bufferBytes(buffer), 0);
};

const printPort = ({ name, buffer, shape, perImage }: Port): string =>
  `${name}: %${buffer} [${[...(perImage ? ["N"] : []), ...shape].join(", ")}]`;

function printBuffer({ name, role, dtype, elementBytes, elements, perImage, slot }: Buffer): string {
  const patches = slot === null ? "" : ` in arena ${slot.arena} at ${slot.offset}`;
  return `%${name}: ${role} ${elementBytes === 2 ? "f16" : dtype}[${perImage ? "N * " : ""}${elements}]${patches}`;
}

const printOperands = (operands: Readonly<Record<string, string>>): string =>
  Object.entries(operands)
    .map(([name, value]) => `${name}: %${value}`)
    .join(", ");

function printStep(step: Step): string {
  const { grid, workgroup } = step;
  const groups = [...grid, ...(step.perImage ? ["N"] : [])].join(" x ");
  return (
    `%${step.name} = ${step.kind}(${printOperands(step.reads)}) -> ${printOperands(step.writes)} ` +
    `{${groups} groups of ${workgroup.join(" x ")}}`
  );
}
