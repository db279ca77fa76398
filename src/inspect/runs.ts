import { elementBytes } from "../emit/cuda/kernels/shared.ts";
import { type CudaProgram, cudaProgram, type NamedKernel } from "../emit/cuda/program.ts";
import type { ValueId } from "../graph/graph.ts";
import type { MemoryTimeline } from "../html/memory-timeline.ts";
import type { Model, StorageType } from "../model/model.ts";
import { macsOf } from "../plan/cost.ts";
import { type Buffer, bufferBytes, type Plan, type Step } from "../plan/plan.ts";
import { weightBytes } from "../plan/print.ts";
import { partOf } from "./parts.ts";

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

/** The dispatches of a plan as WebGPU runs it. */
export function wgslRuns(plan: Plan, model: Model): Runs {
  const operands = (step: Step, access: Operand["access"]): readonly Operand[] =>
    Object.entries(access === "read" ? step.reads : step.writes).map(([role, value]) => {
      const buffer = plan.buffers.get(value) as Buffer;
      return { role, value, access, bytes: bufferBytes(buffer), perImage: buffer.perImage };
    });
  const runs = plan.steps.map(
    (step): Run => ({
      name: step.name,
      part: partOf(step.name, model),
      kind: step.kind,
      macs: macsOf(step),
      operands: [...operands(step, "read"), ...operands(step, "write")],
      grid: [...step.grid, ...(step.perImage ? ["N"] : [])].join(" x "),
      group: step.workgroup.join(" x "),
      params: paramsOf(step.params),
    }),
  );
  const scratch = [...plan.buffers.values()].flatMap(buffer =>
    buffer.slot === null ? [] : [{ name: buffer.name, ...buffer.slot, bytes: bufferBytes(buffer) }],
  );
  return {
    runs,
    weightBytes: weightBytes(plan),
    scratchBytes: plan.arenas.reduce((a, b) => a + b, 0),
    memory: timeline(runs, plan.arenas, scratch),
  };
}

/** The launches of a plan as the CUDA library makes them, and the program they are in. */
export function cudaRuns(plan: Plan, model: Model, dtype: StorageType): Runs & { readonly program: CudaProgram } {
  const program = cudaProgram(plan, dtype);
  const steps = new Map(plan.steps.map(step => [step.name, step]));
  const kernelOf = (index: number) => (program.kernels[index] as NamedKernel).kernel;
  const runs = program.launches.map((launch): Run => {
    const step = steps.get(launch.name);
    const kernel = kernelOf(launch.kernel);
    return {
      name: launch.name,
      part: partOf(launch.name, model),
      kind: step?.kind ?? "widen",
      macs: step === undefined ? 0 : macsOf(step),
      operands: kernel.operands.map(({ name, storage, access, elements, perImage }, i) => ({
        role: name,
        value: launch.operands[i] as ValueId,
        access,
        bytes: elements * elementBytes(storage, dtype),
        perImage,
      })),
      grid: [...kernel.grid, ...(kernel.images === 0 ? [] : [kernel.images === 1 ? "N" : `N / ${kernel.images}`])].join(
        " x ",
      ),
      group: `${kernel.threads}`,
      // The plan's tiles are those of its products on the lanes; what a CUDA kernel takes, its launch says.
      params: [
        ...paramsOf(step?.params ?? {}).filter(([name]) => !name.startsWith("tile.")),
        ["shared memory", `${kernel.shared} bytes`],
        ["registers", `${kernel.registers} a thread`],
      ],
    };
  });
  const sizes = new Map<ValueId, number>();
  for (const { value, bytes } of runs.flatMap(({ operands }) => operands))
    sizes.set(value, Math.max(bytes, sizes.get(value) ?? 0));
  const scratch = [...program.allocations].flatMap(([name, place]) =>
    place.kind === "workspace" ? [{ name, arena: 0, offset: place.at, bytes: sizes.get(name) ?? 0 }] : [],
  );
  return {
    runs,
    weightBytes: program.weightBytes,
    scratchBytes: program.imageBytes + program.counterBytes,
    memory: timeline(runs, [program.imageBytes], scratch),
    program,
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
