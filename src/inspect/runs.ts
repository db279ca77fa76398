import { sourceOf } from "../emit/cuda/kernels.ts";
import type { ValueId } from "../graph/graph.ts";
import { partName } from "../graph/scope.ts";
import type { MemoryTimeline } from "../html/memory-timeline.ts";
import { macsOf, scratchBytes, weightBytes } from "../plan/cost.ts";
import { bytesOf, type Plan, type Step } from "../plan/plan.ts";
import { launchText } from "../plan/print.ts";
import type { KernelTargetName } from "./subject.ts";

/** One kernel at work: a dispatch of WebGPU or a launch of CUDA. */
export interface Run {
  /** The value it is named after. */
  readonly name: ValueId;
  readonly part: string;
  readonly kind: string;
  /** Multiply-adds of one image. */
  readonly macs: number;
  readonly operands: readonly Operand[];
  /** Workgroups or blocks, the batch as `N`: `3 x 38 x N`. */
  readonly grid: string;
  /** Threads of each. */
  readonly group: string;
  /** What the plan decided about it, a name and a value each. */
  readonly params: readonly (readonly [name: string, value: string])[];
}

/** What a kernel binds. */
export interface Operand {
  /** The kernel's own name for it. */
  readonly role: string;
  readonly value: ValueId;
  readonly access: "read" | "write";
  /** Of one image where `perImage`, else in all. */
  readonly bytes: number;
  readonly perImage: boolean;
}

/** A pass as a target runs it. */
export interface Runs {
  /** In order. */
  readonly runs: readonly Run[];
  /** Bytes of what stays on the device between passes. */
  readonly weightBytes: number;
  /** Bytes of scratch memory that one image takes at most. */
  readonly scratchBytes: number;
  readonly memory: MemoryTimeline;
}

/** Bytes that a run reads and writes for so many images, each operand once. */
export const bytesMovedBy = ({ operands }: Run, images: number): number =>
  operands.reduce((sum, { bytes, perImage }) => sum + bytes * (perImage ? images : 1), 0);

/** What a target says of a kernel besides its parameters. */
const details: { readonly [K in KernelTargetName]: (step: Step, plan: Plan) => Run["params"] } = {
  wgsl: ({ params }) => paramsOf(params),
  cuda: (step, plan) => {
    const { shared, registers } = sourceOf(step, plan);
    return [
      // The first tile of a product is that of its lanes; what tensor cores and convolutions take, their choice says.
      ...paramsOf(step.params).filter(([name]) => !name.startsWith("tile.")),
      ["shared memory", `${shared} bytes`],
      ["registers", `${registers} a thread`],
    ];
  },
};

/** A plan as its target runs it. */
export function runsOf(plan: Plan, target: KernelTargetName): Runs {
  const runs = plan.steps.map((step): Run => {
    const { grid, group } = launchText(step);
    return {
      name: step.name,
      part: partName(step.scope.part),
      kind: step.kind,
      macs: macsOf(step),
      operands: step.operands.map(({ role, value, access, perImage, ...size }) => {
        return { role, value, access, bytes: bytesOf(size), perImage };
      }),
      grid,
      group,
      params: details[target](step, plan),
    };
  });
  const scratch = [...plan.buffers.values()].flatMap(buffer =>
    buffer.role === "scratch" && buffer.slot !== null
      ? [{ name: buffer.name, arena: Number(buffer.slot.arena), offset: buffer.slot.offset, bytes: bytesOf(buffer) }]
      : [],
  );
  return {
    runs,
    weightBytes: weightBytes(plan),
    scratchBytes: scratchBytes(plan),
    memory: timeline(runs, plan.arenas, scratch),
  };
}

type Placed = Omit<MemoryTimeline["buffers"][number], "from" | "to">;

/** Scratch memory with the life of each value: from the run that writes it to the last that touches it. */
function timeline(runs: readonly Run[], arenas: readonly number[], scratch: readonly Placed[]): MemoryTimeline {
  const lives = new Map<ValueId, { readonly from: number; readonly to: number }>();
  runs.forEach(({ operands }, at) => {
    for (const { value } of operands) lives.set(value, { from: lives.get(value)?.from ?? at, to: at });
  });
  const steps = runs.map(({ name, part }) => ({ name, part }));
  const buffers = scratch.map(placed => ({ ...placed, ...(lives.get(placed.name) ?? { from: 0, to: 0 }) }));
  return {
    arenas,
    steps,
    buffers: buffers.sort((a, b) => a.from - b.from || a.arena - b.arena || a.offset - b.offset),
  };
}

/** Bytes of scratch memory that hold something while a step runs, for each step. */
export function aliveBytes({ steps, buffers }: MemoryTimeline): readonly number[] {
  const changes = new Map<number, number>();
  const change = (at: number, bytes: number) => changes.set(at, (changes.get(at) ?? 0) + bytes);
  for (const { bytes, from, to } of buffers) {
    change(from, bytes);
    change(to + 1, -bytes);
  }
  let alive = 0;
  return steps.map((_, at) => {
    alive += changes.get(at) ?? 0;
    return alive;
  });
}

/** Nested parameters one below the other, what is null or the title of a kernel left out. */
function paramsOf(params: object, prefix = ""): Run["params"] {
  return Object.entries(params).flatMap(([name, value]): Run["params"] => {
    if (value === null || name === "title") return [];
    if (typeof value === "object" && !Array.isArray(value)) return paramsOf(value, `${prefix}${name}.`);
    return [[`${prefix}${name}`, Array.isArray(value) ? value.join(" x ") : `${value}`]];
  });
}
