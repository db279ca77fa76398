import { invariant } from "../diagnostics/invariant.ts";
import type { ValueId } from "../graph/graph.ts";
import type { Lifetime } from "./memory.ts";
import { type Buffer, bytesOf, type Step, valuesOf } from "./plan.ts";
import type { Machine } from "./target.ts";

/**
 * From the step that writes a scratch value to the last that touches it. WebGPU's buffers are bound whole, so a step that
 * writes a value needs it apart from what it reads.
 */
export function lifetimes(
  steps: readonly Step[],
  buffers: ReadonlyMap<ValueId, Omit<Buffer, "slot">>,
  memory: Machine["memory"],
): readonly Lifetime[] {
  const lives = new Map<ValueId, Lifetime>();
  for (const [at, step] of steps.entries())
    for (const { value: name, access } of step.operands) {
      const buffer = buffers.get(name);
      if (buffer?.role !== "scratch") continue;
      const known = lives.get(name);
      invariant(known || access === "write", `nothing writes '${name}'`);
      const apart = memory === "buffers" ? valuesOf(step, "read") : [];
      lives.set(name, known ? { ...known, to: at } : { name, bytes: bytesOf(buffer), from: at, to: at, apart });
    }
  return [...lives.values()];
}
