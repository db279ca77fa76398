import type { Span } from "../diagnostics/diagnostic.ts";
import type { ValueId } from "../graph/graph.ts";
import type { DType } from "../graph/ops.ts";
import type { Batch } from "../model/model.ts";
import type { Binding, KernelKind, KernelParams } from "./kernels.ts";

/** A value in memory. Sizes are of one sample where `perImage`, which the batch multiplies. */
export interface Buffer {
  readonly name: ValueId;
  /**
   * `input` and `output` are the caller's; `param` is filled from the checkpoint; `packed` by the setup; `scratch` lies
   * in an arena.
   */
  readonly role: "input" | "output" | "param" | "packed" | "scratch";
  readonly dtype: DType;
  /** Bytes of an element as it is stored: 2 where values are f32 kept as f16. */
  readonly elementBytes: 2 | 4;
  /** Elements, with what a kernel's vectors read past the end. */
  readonly elements: number;
  readonly perImage: boolean;
  /** Index of the arena and bytes into it, one sample; null unless the role is `scratch`. */
  readonly slot: { readonly arena: number; readonly offset: number } | null;
}

/** One dispatch: what it computes, from which buffers into which. */
export type Step<K extends KernelKind = KernelKind> = {
  readonly [P in K]: {
    /** The value it is named after. */
    readonly name: ValueId;
    readonly kind: P;
    readonly params: KernelParams[P];
    /** Values by the name the kernel has for them. */
    readonly reads: Readonly<Record<string, ValueId>>;
    readonly writes: Readonly<Record<string, ValueId>>;
    readonly bindings: readonly Binding[];
    /** Bindings whose values are stored in 16 bits. */
    readonly f16Bindings: readonly string[];
    /** Workgroups along x and y; where `perImage`, the batch is the third dimension. */
    readonly grid: readonly [x: number, y: number];
    readonly perImage: boolean;
    readonly workgroup: readonly [x: number, y: number];
    readonly span: Span;
  };
}[K];

export interface Plan {
  readonly name: string;
  readonly batch: Batch;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly params: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly buffers: ReadonlyMap<ValueId, Buffer>;
  /** Bytes a sample of each scratch arena. */
  readonly arenas: readonly number[];
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

/** Parameters whose values are stored in 16 bits once they are packed. */
export const f16Params = ({ setup }: Plan): ReadonlySet<string> =>
  new Set(setup.flatMap(step => (step.f16Bindings.length > 0 ? [step.reads.weight ?? ""] : [])));

/** Bytes of a buffer, of one image where `perImage`. */
export const bufferBytes = ({ elements, elementBytes }: Pick<Buffer, "elements" | "elementBytes">): number =>
  elements * elementBytes;
