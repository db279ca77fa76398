import type { Span } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import type { Place, ValueId } from "../graph/graph.ts";
import type { Batch, Precision } from "../model/model.ts";
import type { KernelKind, KernelParams } from "./kernels.ts";
import type { Slot } from "./memory.ts";

/** How elements are stored: `tf32` in 32 bits of which 19 count, `i32` for indices, `u32` for counters of blocks. */
export type DataType = Precision | "i32" | "u32";

export const dataBytes = { f32: 4, tf32: 4, f16: 2, bf16: 2, i32: 4, u32: 4 } as const satisfies Record<
  DataType,
  2 | 4
>;

/** A kernel and what it works on: the values by the names that the kernel has for them. */
export type KernelCall<K extends KernelKind = KernelKind> = {
  readonly [P in K]: {
    /** The value it is named after. */
    readonly name: ValueId;
    readonly kind: P;
    readonly params: KernelParams[P];
    readonly reads: Readonly<Record<string, ValueId>>;
    readonly writes: Readonly<Record<string, ValueId>>;
  } & Place;
}[K];

/** What a target's kernel table says of an operand. */
export interface KernelOperand {
  /** The kernel's own name for it. */
  readonly role: string;
  readonly access: "read" | "write";
  /** Of one image where `perImage`, else in all; with what vectors read past the end. */
  readonly elements: number;
  readonly perImage: boolean;
  /** In which types the kernel can take it, the preferred first. */
  readonly storage: readonly DataType[];
}

/** What a target's kernel table says of a call. */
export interface Kernel {
  /** In the order in which the kernel binds them. */
  readonly operands: readonly KernelOperand[];
  /** Workgroups along x and y; images are the third dimension. */
  readonly grid: readonly [x: number, y: number];
  /** Threads of a workgroup. */
  readonly workgroup: readonly [x: number, y: number];
  /** Images that a workgroup makes; 0 where it makes something of the whole batch, once. */
  readonly images: number;
}

export interface Operand extends Omit<KernelOperand, "storage"> {
  readonly value: ValueId;
  readonly storage: DataType;
}

/** One dispatch or launch: what it computes, from which values into which. */
export type Step<K extends KernelKind = KernelKind> = {
  readonly [P in K]: Omit<KernelCall<P>, "reads" | "writes"> &
    Omit<Kernel, "operands"> & { readonly operands: readonly Operand[] };
}[K];

/** A value in memory. Sizes are of one sample where `perImage`, which the batch multiplies. */
export interface Buffer {
  readonly name: ValueId;
  readonly role: BufferRole;
  readonly storage: DataType;
  /** Elements, with what a kernel's vectors read past the end. */
  readonly elements: number;
  readonly perImage: boolean;
  /** Its place in the memory that the plan lays out; null for what is allocated by itself. */
  readonly slot: Slot | null;
  /** Null for what no line of the spec stands for. */
  readonly span: Span | null;
}

/**
 * `input` and `output` are the caller's; `param` is filled from the checkpoint; `packed` by the setup; `scratch` lies in
 * an arena; `counters` are zero between steps, which share them.
 */
export type BufferRole = "input" | "output" | "param" | "packed" | "scratch" | "counters";

/** What a target runs: kernels in order, every value that they touch, and where it lies. */
export interface Plan {
  readonly name: string;
  readonly precision: Precision;
  readonly batch: Batch;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly params: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly buffers: ReadonlyMap<ValueId, Buffer>;
  /** Bytes a sample of each scratch arena. */
  readonly arenas: readonly number[];
  /** Bytes of each arena for what does not grow with the batch; their numbers follow those of the others. */
  readonly fixedArenas: readonly number[];
  /** Bytes of the allocation that holds all weights; null where each has a buffer of its own. */
  readonly weightBytes: number | null;
  /** Once, after the weights are loaded. */
  readonly setup: readonly Step[];
  /** Every run, in order. */
  readonly steps: readonly Step[];
}

/** An input or output by its public name. */
export interface Port {
  readonly name: string;
  /** Other names of the same value, where taps ask for what is an output already: it is written once. */
  readonly also: readonly string[];
  readonly buffer: ValueId;
  /** Of one image where `perImage`, else of the whole batch. */
  readonly shape: readonly number[];
  readonly perImage: boolean;
  /** Patches that each image keeps, if this is a mask; else null. */
  readonly keep: number | null;
}

/** The values that a step reads, or those that it writes, in the order of its operands. */
export const valuesOf = ({ operands }: Pick<Step, "operands">, access: Operand["access"]): readonly ValueId[] =>
  operands.filter(operand => operand.access === access).map(({ value }) => value);

/** The call that a step was made of. */
export const callOf = ({ operands, ...step }: Step): KernelCall => {
  const named = (access: Operand["access"]) =>
    Object.fromEntries(operands.filter(of => of.access === access).map(({ role, value }) => [role, value]));
  const { name, kind, params, span, scope } = step;
  return { name, kind, params, span, scope, reads: named("read"), writes: named("write") } as KernelCall;
};

/** The value that a kernel has under a name, and null where it has none. */
export const valueBy = ({ operands }: Pick<Step, "operands">, role: string): ValueId | null =>
  operands.find(operand => operand.role === role)?.value ?? null;

export function bufferOf(plan: Pick<Plan, "buffers">, value: ValueId): Buffer {
  const buffer = plan.buffers.get(value);
  invariant(buffer, `no buffer for '${value}'`);
  return buffer;
}

/** Parameters whose values are stored as f16 once they are packed: it holds less than f32 and bf16 do. */
export const f16Params = ({ setup }: Pick<Plan, "setup">): ReadonlySet<string> =>
  new Set(
    setup.flatMap(({ operands }) =>
      operands.some(({ storage }) => storage === "f16")
        ? operands.filter(({ role }) => role === "weight").map(({ value }) => value)
        : [],
    ),
  );

/** Bytes of a buffer or an operand, of one image where `perImage`. */
export const bytesOf = ({ elements, storage }: Pick<Buffer, "elements" | "storage">): number =>
  elements * dataBytes[storage];

/** Distinct kernels of some steps, each with the first step that runs it, and for each step the index of its kernel. */
export interface DistinctKernels {
  readonly kernels: readonly Step[];
  readonly ofStep: readonly number[];
}

/** Steps of one kind with the same parameters and the same types run one kernel: it is named after the first of them. */
export function distinctKernels(steps: readonly Step[]): DistinctKernels {
  const indices = new Map<string, number>();
  const kernels: Step[] = [];
  const ofStep = steps.map(step => {
    const key = `${step.kind} ${JSON.stringify([step.params, step.operands.map(({ storage }) => storage)])}`;
    const known = indices.get(key) ?? kernels.length;
    if (known === kernels.length) kernels.push(step);
    indices.set(key, known);
    return known;
  });
  return { kernels, ofStep };
}
