import { elementBytes } from "../emit/cuda/kernels/shared.ts";
import { type CudaProgram, launchCost } from "../emit/cuda/program.ts";
import { activationsOf, macsOf } from "../plan/cost.ts";
import type { KernelKind } from "../plan/kernels.ts";
import { type Buffer, bufferBytes, type Plan, type Step } from "../plan/plan.ts";

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

/** A kernel in its place: what it costs, and what it has to do with memory. */
export interface Launch {
  /** The value that it is named after. */
  readonly name: string;
  readonly cost: KernelCost;
  readonly reads: readonly string[];
  readonly writes: readonly Scratch[];
  /** Bytes that weights take for it while the model is loaded. */
  readonly weights: number;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The kernels of a WebGPU pass, in order. */
export function profileOf(plan: Plan): readonly Launch[] {
  const seen = new Set<string>();
  return plan.steps.map(step => {
    const bufferOf = (value: string): Buffer => plan.buffers.get(value) as Buffer;
    const reads = Object.values(step.reads);
    const writes = Object.values(step.writes);
    const bytes = (perImage: boolean): number =>
      sum([...reads, ...writes].map(bufferOf).map(buffer => (buffer.perImage === perImage ? bufferBytes(buffer) : 0)));
    const weights = [...new Set(reads)].filter(value => !seen.has(value)).map(bufferOf);
    for (const value of reads) seen.add(value);
    const inScratch = (value: string): boolean => bufferOf(value).role === "scratch";
    return {
      name: step.name,
      cost: {
        ...arithmeticOf(step),
        values: sum(writes.map(bufferOf).map(buffer => (buffer.perImage ? buffer.elements : 0))),
        fixed: bytes(false),
        each: bytes(true),
        workgroups: step.grid[0] * step.grid[1],
      },
      reads: reads.filter(inScratch),
      writes: writes.filter(inScratch).map(name => ({ name, bytes: bufferBytes(bufferOf(name)) })),
      weights: sum(weights.map(buffer => (isWeight(buffer) ? bufferBytes(buffer) : 0))),
    };
  });
}

const isWeight = ({ role }: Buffer): boolean => role === "param" || role === "packed";

const arithmeticOf = (step: Step) => ({ kind: step.kind, macs: macsOf(step), activations: activationsOf(step) });

/** The launches of a CUDA pass, in order. */
export function cudaProfileOf(program: CudaProgram): readonly Launch[] {
  const steps = new Map(program.plan.steps.map(step => [step.name, step]));
  const rooms = roomsOf(program);
  const seen = new Set<string>();
  return program.launches.map(launch => {
    const { kernel } = program.kernels[launch.kernel] as CudaProgram["kernels"][number];
    const step = steps.get(launch.name);
    const { fixed, each } = launchCost(program, launch);
    const operands = kernel.operands.map((operand, i) => ({ ...operand, value: launch.operands[i] as string }));
    const placed = (kind: "workspace" | "weights") =>
      operands.filter(({ value }) => program.allocations.get(value)?.kind === kind);
    const weights = placed("weights").filter(({ value }) => !seen.has(value));
    for (const { value } of weights) seen.add(value);
    const written = operands.filter(({ access }) => access === "write");
    const [scratchRead, scratchWritten] = [
      placed("workspace").filter(({ access }) => access !== "write"),
      placed("workspace").filter(({ access }) => access === "write"),
    ];
    return {
      name: launch.name,
      cost: {
        ...(step ? arithmeticOf(step) : { kind: "elementwise", macs: 0, activations: 0 }),
        values: sum(written.map(({ perImage, elements }) => (perImage ? elements : 0))),
        fixed,
        each,
        workgroups: (kernel.grid[0] * kernel.grid[1]) / Math.max(1, kernel.images),
      },
      reads: scratchRead.map(({ value }) => value),
      writes: scratchWritten.map(({ value, storage, elements }) => ({
        name: value,
        bytes: elements * elementBytes(storage, program.dtype),
      })),
      weights: sum(weights.map(({ value }) => rooms.get(value) ?? 0)),
    };
  });
}

/** What each weight takes of the library's memory, from where the next one begins. */
function roomsOf({ allocations, weightBytes }: CudaProgram): ReadonlyMap<string, number> {
  const starts = [...allocations].flatMap(([value, place]) =>
    place.kind === "weights" ? [{ value, at: place.at }] : [],
  );
  starts.sort((a, b) => a.at - b.at);
  return new Map(starts.map(({ value, at }, i) => [value, (starts[i + 1]?.at ?? weightBytes) - at]));
}
