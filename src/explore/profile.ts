import type { Scope } from "../graph/scope.ts";
import { activationsOf, macsOf, movedBy } from "../plan/cost.ts";
import type { KernelKind } from "../plan/kernels.ts";
import { alignment } from "../plan/place.ts";
import { bufferOf, bytesOf, type Plan } from "../plan/plan.ts";
import { roundUp } from "../plan/tiles/tile.ts";

/** What one kernel of a pass does, whatever runs it. Of one image, unless it says otherwise. */
export interface KernelCost {
  readonly kind: KernelKind;
  readonly macs: number;
  /** What convolutions and linear layers give, as timm counts activations. */
  readonly activations: number;
  /** Values that it writes. */
  readonly values: number;
  /** Bytes that it moves whatever the batch: weights, tables. */
  readonly fixed: number;
  /** Bytes that it moves for each image. */
  readonly each: number;
  /** Workgroups. */
  readonly workgroups: number;
}

/** A value in scratch memory, and the bytes that it takes of each image. */
export interface Scratch {
  readonly name: string;
  readonly bytes: number;
}

export interface ScopedValue {
  readonly name: string;
  readonly scope: Scope;
}

/** A kernel in its place: what it costs, and what it has to do with memory. */
export interface Launch {
  /** The value that it is named after. */
  readonly name: string;
  readonly scope: Scope;
  readonly cost: KernelCost;
  /** What it reads of scratch memory, each with the scope of what wrote it. */
  readonly reads: readonly ScopedValue[];
  readonly writes: readonly Scratch[];
  /** Bytes that its blocks count themselves in, of an image. */
  readonly counters: number;
  /** Bytes that weights take for it while the model is loaded. */
  readonly weights: number;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The kernels of a pass, in order. */
export function profileOf(plan: Plan): readonly Launch[] {
  const seen = new Set<string>();
  const scopes = new Map<string, Scope>();
  return plan.steps.map(step => {
    const bound = step.operands.map(operand => ({ ...operand, buffer: bufferOf(plan, operand.value) }));
    const written = bound.filter(({ access }) => access === "write");
    const scratch = bound.filter(({ buffer }) => buffer.role === "scratch");
    const weights = bound.filter(({ access, value, buffer: { role } }) => {
      return access === "read" && (role === "param" || role === "packed") && !seen.has(value) && seen.add(value);
    });
    for (const { value } of written) scopes.set(value, step.scope);
    return {
      name: step.name,
      scope: step.scope,
      cost: {
        kind: step.kind,
        macs: macsOf(step),
        activations: activationsOf(step),
        values: sum(written.map(({ perImage, elements }) => (perImage ? elements : 0))),
        ...movedBy(step),
        workgroups: (step.grid[0] * step.grid[1]) / Math.max(1, step.images),
      },
      reads: scratch
        .filter(({ access }) => access === "read")
        .map(({ value }) => ({ name: value, scope: scopes.get(value) ?? step.scope })),
      writes: scratch
        .filter(({ access }) => access === "write")
        .map(({ value, buffer }) => ({ name: value, bytes: bytesOf(buffer) })),
      counters: sum(bound.map(({ buffer, ...size }) => (buffer.role === "counters" ? bytesOf(size) : 0))),
      weights: sum(weights.map(({ buffer }) => roundUp(bytesOf(buffer), buffer.slot === null ? 1 : alignment))),
    };
  });
}
