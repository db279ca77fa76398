/**
 * What a compiled model is made of, as plain data: generated modules hold one of these, and `createModel` runs it.
 * Sizes are in elements, of f32 unless marked `half`, or in bytes where their name says so; those marked `perImage` are
 * multiplied by the batch.
 */
export interface ModelDescriptor {
  readonly name: string;
  /** Images a run may hold, both ends included. */
  readonly batch: { readonly min: number; readonly max: number };
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Checkpoint tensors by official name, in official shape. */
  readonly params: readonly Param[];
  /** Scratch memory: bytes a sample of each arena. */
  readonly arenas: readonly number[];
  /** Bytes of each arena that does not grow with the batch; their numbers follow those of the others. */
  readonly fixedArenas?: readonly number[];
  readonly buffers: readonly BufferDescriptor[];
  /** Where values are stored in 16 bits: what kernels begin with on a device that has `shader-f16`, and on any other. */
  readonly half?: { readonly native: string; readonly unpacked: string };
  /** Distinct kernels. */
  readonly kernels: readonly { readonly name: string; readonly code: string }[];
  /** Once, after the weights are loaded. */
  readonly setup: readonly Dispatch[];
  /** Every run, in order. */
  readonly steps: readonly Step[];
  /** Limits of WebGPU the model needs; all are defaults or below unless the compiler said otherwise. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
}

/**
 * A model that learns: its outputs are its loss and `grad.<name>` of every parameter, and its setup runs before every pass,
 * since the weights change.
 */
export interface TrainerDescriptor extends ModelDescriptor {
  /** WGSL of what acts on all parameters alike. */
  readonly optimizer: Readonly<Record<OptimizerKernel, string>>;
}

/** The numbers of AdamW, and of what is around it. */
export interface Optimizer {
  /** The decay of both moments. */
  readonly betas: readonly [number, number];
  /** Beside the root of the second moment. */
  readonly eps: number;
  /** Times the learning rate, by which parameters shrink that decay. */
  readonly weightDecay: number;
  /** The norm of all gradients together beyond which they are scaled down to it, or null for none. */
  readonly clip: number | null;
  /** The decay of the average of the weights, or null: the kernels say whether there is one. */
  readonly ema: number | null;
}

/** What a recipe says of an update, as generated modules hold it. */
export interface RecipeDescriptor extends Optimizer {
  readonly name: string;
  /** What the learning rate of each parameter is of the step's, and whether it decays. */
  readonly params: readonly { readonly name: string; readonly lrScale: number; readonly decays: boolean }[];
}

export type OptimizerKernel = "accumulate" | "gradientSquares" | "gradientNorm" | "adamw";

export type LimitName =
  | "maxBufferSize"
  | "maxStorageBufferBindingSize"
  | "maxStorageBuffersPerShaderStage"
  | "maxComputeWorkgroupStorageSize"
  | "maxComputeInvocationsPerWorkgroup"
  | "maxComputeWorkgroupSizeX"
  | "maxComputeWorkgroupsPerDimension";

/** An input or output; `shape` is that of one image, without the batch in front, or where not `perImage` of all. */
export interface Port {
  readonly name: string;
  readonly shape: readonly number[];
  readonly perImage: boolean;
  /** Of a mask: how many patches each image keeps. */
  readonly keep?: number;
}

export interface Param {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Where a value lives: with the caller (`io`), in scratch, or in a buffer of its own that is filled once — from the
 * checkpoint (`param`) or by a setup kernel (`derived`).
 */
export type BufferDescriptor =
  | {
      readonly at: "io";
      readonly name: string;
      readonly elements: number;
      readonly perImage: boolean;
      readonly half?: never;
    }
  | {
      readonly at: "scratch";
      readonly name: string;
      readonly elements: number;
      readonly perImage: boolean;
      readonly half?: boolean;
      readonly arena: number;
      /** Bytes into the arena, of one sample where that grows with the batch. */
      readonly offset: number;
    }
  | {
      readonly at: "param" | "derived";
      readonly name: string;
      readonly elements: number;
      readonly perImage: false;
      readonly half?: boolean;
    };

export interface Dispatch {
  /** Names the work in profilers and errors: the value it computes. */
  readonly label: string;
  /** Index into `kernels`. */
  readonly kernel: number;
  /** Indices into `buffers`, in the order of the kernel's bindings. */
  readonly bindings: readonly number[];
  /** What a kernel of several sizes reads as binding 1 of group 1, a `u32` each. */
  readonly sizes?: readonly number[];
  readonly grid: readonly [x: number, y: number];
  /** True where the grid's third dimension is the batch. */
  readonly perImage: boolean;
}

/** A dispatch of every run. */
export interface Step extends Dispatch {
  /**
   * How much it does: multiply-adds and bytes moved, where `perImage` of one image. It may then be made in parts, and
   * group 1 of its kernel takes the first workgroup of one; where this is missing, it is one workgroup that is never cut.
   */
  readonly work?: number;
}
