import { invariant } from "../diagnostics/invariant.ts";
import type { ValueId } from "../graph/graph.ts";
import { lifetimes } from "./lifetimes.ts";
import { type Slot, verifyLayout } from "./memory.ts";
import { checkStorage } from "./numerics.ts";
import { type Buffer, bufferOf, bytesOf, type KernelOperand, type Plan, type Step } from "./plan.ts";
import type { Machine } from "./target.ts";

/**
 * Throws InternalError unless a plan can run: every value that a step reads was written before, by one step; every
 * operand fits its buffer; statistics are f32; and what is alive at once shares no byte.
 */
export function verifyPlan(plan: Plan, memory: Machine["memory"]): Plan {
  const { buffers, setup, steps, arenas, fixedArenas } = plan;
  const written = new Set<ValueId>();
  for (const { name, role } of buffers.values())
    if (role === "input" || role === "param" || role === "counters") written.add(name);
  for (const step of [...setup, ...steps]) {
    checkStorage(step.name, step.operands);
    for (const operand of step.operands) verifyOperand(step, operand, bufferOf(plan, operand.value));
    for (const { value, access } of step.operands)
      invariant(
        access === "write" || written.has(value),
        `'${step.name}' reads '${value}', which nothing wrote before`,
      );
    for (const { value, access } of step.operands) {
      if (access === "read" || buffers.get(value)?.role === "counters") continue;
      invariant(!written.has(value), `'${step.name}' writes '${value}', which is there already`);
      written.add(value);
    }
  }
  for (const { name, buffer } of plan.outputs) invariant(written.has(buffer), `nothing writes the output ${name}`);
  const slots = new Map([...buffers.values()].flatMap(({ name, slot }) => (isScratch(slot) ? [[name, slot]] : [])));
  verifyLayout(lifetimes(steps, buffers, memory), { slots, arenas: [...arenas, ...fixedArenas] });
  verifyWeights(plan);
  return plan;
}

function verifyOperand(
  { name }: Step,
  { role, elements, perImage, storage }: Step["operands"][number],
  of: Buffer,
): void {
  const whose = `${role} of '${name}'`;
  invariant(perImage === of.perImage, `${whose} is ${perImage ? "" : "not "}batched, '${of.name}' is not so`);
  invariant(storage === of.storage, `${whose} is ${storage}, but '${of.name}' is kept in ${of.storage}`);
  invariant(elements <= of.elements, `${whose} has ${elements} elements, '${of.name}' only ${of.elements}`);
}

const isScratch = (slot: Slot | null): slot is Slot<number> => slot !== null && slot.arena !== "weights";

/** Weights in one allocation lie one after the other. */
function verifyWeights({ buffers, weightBytes }: Plan): void {
  const weights = [...buffers.values()].filter(({ slot }) => slot?.arena === "weights");
  const offset = ({ slot }: Buffer): number => slot?.offset ?? 0;
  weights.sort((a, b) => offset(a) - offset(b));
  for (const [i, weight] of weights.entries()) {
    const next = weights[i + 1];
    const end = next ? offset(next) : (weightBytes ?? 0);
    invariant(
      offset(weight) + bytesOf(weight) <= end,
      `'${weight.name}' ends beyond ${next ? "the next weight" : "all weights"}`,
    );
  }
}

/** Throws InternalError unless every step has the operands, the grid and the threads that the target's table gives it. */
export function verifyKernels({ setup, steps, batch }: Plan, machine: Machine): void {
  for (const step of [...setup, ...steps]) {
    const { operands, ...launch } = machine.kernel(step, batch);
    const { grid, workgroup, images } = step;
    invariant(same({ grid, workgroup, images }, launch), `'${step.name}' is not launched as a ${step.kind} is`);
    invariant(operands.length === step.operands.length, `'${step.name}' has not the operands of a ${step.kind}`);
    for (const [i, { role, access, elements, perImage, storage }] of step.operands.entries()) {
      const { storage: taken, ...said } = operands[i] as KernelOperand;
      const fits = same({ role, access, elements, perImage }, said) && taken.includes(storage);
      invariant(fits, `${role} of '${step.name}' is no operand of a ${step.kind}`);
    }
  }
}

const same = (a: object, b: object): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
