import type { KernelCall } from "../../../plan/plan.ts";
import type { SchedulePass } from "../../../plan/schedule-pass.ts";
import type { Machine } from "../../../plan/target.ts";

/**
 * Outputs that kernels keep in 16 bits: the caller's buffer gets a copy in f32.
 *
 *   %y = gemm(input: %x) -> output: %y          for the output %y
 *   ⟶
 *   %y = gemm(input: %x) -> output: %y
 *   %y.f32 = widen(input: %y) -> output: %y.f32 for the output %y.f32
 */
export const widenOutputs = (kernel: Machine["kernel"]): SchedulePass => ({
  name: "widen-outputs",
  summary: "Give the caller a copy in f32 of what kernels keep in 16 bits",
  run: schedule => {
    const copies = new Map<string, KernelCall>();
    for (const step of schedule.steps) {
      const written = new Map(Object.entries(step.writes));
      const asked = schedule.outputs.filter(({ buffer }) => [...written.values()].includes(buffer));
      for (const { buffer } of asked) {
        const operand = kernel(step, schedule.batch).operands.find(({ role }) => written.get(role) === buffer);
        if (operand === undefined || operand.storage.includes("f32")) continue;
        const [name, params] = [`${buffer}.f32`, { length: operand.elements }];
        const copy = { name, kind: "widen", params, reads: { input: buffer }, writes: { output: name } } as const;
        copies.set(buffer, { ...copy, span: step.span, scope: step.scope });
      }
    }
    const ordered = schedule.outputs.flatMap(({ buffer }) => copies.get(buffer) ?? []);
    return {
      ...schedule,
      outputs: schedule.outputs.map(port => ({ ...port, buffer: copies.get(port.buffer)?.name ?? port.buffer })),
      steps: [...schedule.steps, ...ordered],
    };
  },
});
