import { scratchBytes } from "./cost.ts";
import type { Buffer, KernelCall, Operand, Plan, Port, Step } from "./plan.ts";
import type { Schedule } from "./schedule.ts";

/**
 * The plan as text, which `readPlan` reads back: ports and parameters, buffers with their places, then the kernels in
 * order, each with what the plan decided about it.
 *
 *   %stages.0.0.pwconv1 = gemm(input: %stages.0.0.norm, …) -> output: %stages.0.0.act, squares: %… {10 x 49 x N groups of 16 x 16}
 *     {title: "first linear", rows: 3136, depth: 40, columns: 160, gelu: "erf", …}
 */
export function printPlan(plan: Plan): string {
  return block(`plan ${plan.name}`, [
    `batch ${printBatch(plan.batch)}`,
    ...plan.inputs.map(port => `input ${printPort(port)}`),
    ...plan.outputs.map(port => `output ${printPort(port)}`),
    ...plan.params.map(({ name, shape }) => `param ${name} [${shape.join(", ")}]`),
    `scratch ${scratchBytes(plan)} bytes an image, in ${plan.arenas.length} arenas of ${plan.arenas.join(", ")}`,
    ...(plan.fixedArenas.length === 0 ? [] : [`fixed ${plan.fixedArenas.join(", ")}`]),
    ...(plan.weightBytes === null ? [] : [`weights ${plan.weightBytes} bytes`]),
    ...lines("buffers", [...plan.buffers.values()].map(printBuffer)),
    ...lines("setup", plan.setup.flatMap(printStep)),
    ...lines("steps", plan.steps.flatMap(printStep)),
  ]);
}

/** Kernels in order as text, which `readSchedule` reads back; the graph that they compute is left out. */
export function printSchedule({ graph, batch, outputs, setup, steps }: Schedule): string {
  return block(`schedule ${graph.name}`, [
    `batch ${printBatch(batch)}`,
    ...outputs.map(port => `output ${printPort(port)}`),
    ...lines("setup", setup.flatMap(printCall)),
    ...lines("steps", steps.flatMap(printCall)),
  ]);
}

const block = (head: string, inside: readonly string[]): string =>
  `${head} {\n${inside.map(line => `  ${line}\n`).join("")}}\n`;

const lines = (head: string, inside: readonly string[]): readonly string[] => [
  `${head} {`,
  ...inside.map(line => `  ${line}`),
  "}",
];

const printBatch = ({ min, max }: Plan["batch"]): string => (min === max ? `${min}` : `${min}..${max}`);

function printPort({ name, also, buffer, shape, perImage, keep }: Port): string {
  const type = `[${[...(perImage ? ["N"] : []), ...shape].join(", ")}]`;
  const names = also.map(other => `, also ${other}`).join("");
  return `${name}: %${buffer} ${type}${keep === null ? "" : `, keeps ${keep}`}${names}`;
}

function printBuffer({ name, role, storage, elements, perImage, slot }: Buffer): string {
  const arena = slot === null ? "" : slot.arena === "weights" ? " in weights" : ` in arena ${slot.arena}`;
  const place = slot === null ? "" : `${arena} at ${slot.offset}`;
  return `%${name}: ${role} ${storage}[${perImage ? "N * " : ""}${elements}]${place}`;
}

const printCall = ({ name, kind, reads, writes, params }: KernelCall): readonly string[] => [
  `%${name} = ${kind}(${printValues(Object.entries(reads))}) -> ${printValues(Object.entries(writes))}`,
  `  ${printParams(params)}`,
];

function printStep(step: Step): readonly string[] {
  const values = (access: Operand["access"]) =>
    step.operands.filter(operand => operand.access === access).map(({ role, value }) => [role, value] as const);
  const { grid, group } = launchText(step);
  return [
    `%${step.name} = ${step.kind}(${printValues(values("read"))}) -> ${printValues(values("write"))} ` +
      `{${grid} groups of ${group}}`,
    `  ${printParams(step.params)}`,
  ];
}

const printValues = (values: readonly (readonly [role: string, value: string])[]): string =>
  values.map(([role, value]) => `${role}: %${value}`).join(", ");

/** Workgroups, the batch as `N`, and the threads of each: `3 x 38 x N`, `16 x 16`. */
export const launchText = ({ grid, images, workgroup }: Pick<Step, "grid" | "images" | "workgroup">) => ({
  grid: [...grid, ...(images === 0 ? [] : [images === 1 ? "N" : `N / ${images}`])].join(" x "),
  group: workgroup.join(" x "),
});

/** JSON with names bare. */
function printParams(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printParams).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${printParams(field)}`);
  return `{${fields.join(", ")}}`;
}
