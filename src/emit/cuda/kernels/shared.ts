import type { TemplateName } from "../../../embedded/templates.ts";
import type { GeluApproximation, PatchGrid } from "../../../graph/ops.ts";
import type { Precision, StorageType } from "../../../model/model.ts";
import type { DataType, KernelOperand } from "../../../plan/plan.ts";

// What the CUDA kernel kinds share: operands, storage, threads.

/**
 * How an operand is stored: `dtype` as the build's storage type; `matrix` so too, but rounded to TF32 where tensor cores
 * multiply f32; the others as they say whatever the build: `i32` for indices, `u32` for counters of blocks.
 */
export type OperandStorage = "f32" | "dtype" | "matrix" | "i32" | "u32";

export interface CudaOperand extends Omit<KernelOperand, "storage"> {
  readonly storage: OperandStorage;
  /** Shape, as the generated text states it. */
  readonly note: string;
}

export interface CudaKernel {
  readonly template: TemplateName;
  readonly context: { readonly [name: string]: unknown };
  readonly operands: readonly CudaOperand[];
  readonly grid: readonly [x: number, y: number];
  /** Images a block makes; 0 where the launch does not depend on the batch. */
  readonly images: number;
  readonly threads: number;
  /** Bytes of shared memory. */
  readonly shared: number;
  /** Registers a thread may have: what the kernel's launch bounds promise to the compiler. */
  readonly registers: number;
  /** The kernel takes the batch as its last parameter. */
  readonly counted: boolean;
  /** It counts through the operands of all images, not of one. */
  readonly wholeBatch?: true;
  /** What most of its time goes to: floating-point operations of an image, and where. */
  readonly work: { readonly unit: WorkUnit; readonly flops: number };
}

/** What does the arithmetic: tensor cores on 16 bits, the same on TF32 at half the rate, or CUDA cores (SIMT). */
export type WorkUnit = "tensor" | "tf32" | "simt";

/** What every kernel function gets besides its parameters from the plan. */
export interface Setting {
  /** `tf32` where products of f32 are made on tensor cores, from operands rounded so; `f32` where on CUDA cores. */
  readonly precision: Precision;
  /** What maps are stored in. */
  readonly dtype: StorageType;
  /** Largest batch of the build: tiles for one image differ from those for many. */
  readonly batch: number;
}

export const settingOf = (precision: Precision, batch: number): Setting => ({
  precision,
  dtype: storageOf(precision),
  batch,
});

/** What maps are stored in. */
export const storageOf = (precision: Precision): StorageType => (precision === "tf32" ? "f32" : precision);

export const scalars = { f32: "float", f16: "f16", bf16: "bf16" } as const satisfies Record<StorageType, string>;
export const storageBytes = { f32: 4, f16: 2, bf16: 2 } as const satisfies Record<StorageType, number>;

/** The type that an operand has in a build. */
export const typeOf = (storage: OperandStorage, precision: Precision): DataType =>
  (({ f32: "f32", i32: "i32", u32: "u32", dtype: storageOf(precision), matrix: precision }) as const)[storage];

const cTypes: Readonly<Record<DataType, string>> = {
  f32: "float",
  tf32: "tf32",
  f16: "f16",
  bf16: "bf16",
  i32: "int",
  u32: "unsigned",
};

/** The same in C. */
export const elementType = (storage: OperandStorage, precision: Precision): string =>
  cTypes[typeOf(storage, precision)];

/** GELU by precision: what is rounded to 16 bits does not see the error of the fitted one, nor do TF32 products that of the close one. */
export const geluName = (gelu: GeluApproximation, precision: Precision): string => geluNames[gelu][precision];

const geluNames: Readonly<Record<GeluApproximation, Readonly<Record<Precision, string>>>> = {
  erf: { f32: "gelu", tf32: "gelu_close", f16: "gelu_fitted", bf16: "gelu_fitted" },
  tanh: { f32: "gelu_tanh", tf32: "gelu_tanh", f16: "gelu_tanh", bf16: "gelu_tanh" },
  silu: { f32: "silu", tf32: "silu", f16: "silu", bf16: "silu" },
  relu: { f32: "relu", tf32: "relu", f16: "relu", bf16: "relu" },
};

export const activation = (
  role: string,
  elements: number,
  note: string,
  storage: OperandStorage = "dtype",
  access: CudaOperand["access"] = "read",
): CudaOperand => ({ role, storage, access, elements, perImage: true, note });

export const result = (role: string, elements: number, note: string, storage: OperandStorage = "dtype"): CudaOperand =>
  activation(role, elements, note, storage, "write");

export const weight = (role: string, elements: number, note: string, storage: OperandStorage = "f32"): CudaOperand => ({
  role,
  storage,
  access: "read",
  elements,
  perImage: false,
  note,
});

export const affine = (norm: { readonly affine: boolean } | null, channels: number): readonly CudaOperand[] =>
  norm?.affine ? [weight("gain", channels, `[${channels}]`), weight("shift", channels, `[${channels}]`)] : [];

/** Counters of blocks that have come, zero before a launch and after it: all launches have them from one place. */
export const counterOperand = (elements: number, of: string): CudaOperand =>
  result("counter", elements, `${of}blocks that have come`, "u32");

/** The mask of an image, 1 for removed patches. */
export const maskOperand = ({ rows, columns }: Pick<PatchGrid, "rows" | "columns">): CudaOperand =>
  activation("mask", rows * columns, `[${rows}][${columns}]`, "f32");

/** Slots of patches, then patches of slots. */
export const tableOperand = ({ rows, columns, keep }: PatchGrid): CudaOperand =>
  activation("table", rows * columns + keep, `[${rows * columns}] slots, [${keep}] patches`, "i32");

const registersOfAQuarter = 16384;

/** Blocks of an SM that leave each thread `registers`: each quarter of an SM has registers, and whole warps, of its own. */
export const blocksFor = (threads: number, registers: number): number => {
  const warps = 4 * Math.floor(registersOfAQuarter / (32 * registers));
  return Math.max(1, Math.min(16, Math.floor(warps / Math.ceil(threads / 32))));
};

/** What the normalize partial needs. */
export const normContext = (
  norm: { readonly eps: number; readonly affine: boolean } | null,
  of: {
    readonly channels: number;
    readonly pixels: number;
    readonly threads: number;
    /** What a thread may have. */
    readonly registers: number;
  },
) => ({
  norm: norm !== null,
  affine: norm?.affine ?? false,
  eps: norm === null ? null : String(norm.eps),
  ...siteLanes(of.channels, Math.floor(of.threads / 32), of.registers),
  channels: of.channels,
  pixels: of.pixels,
  threads: of.threads,
});

/**
 * How the lanes of a warp share sites: few lanes each, so that a warp has several sites under way. A lane keeps its
 * channels where they take no more than half of its registers.
 */
function siteLanes(channels: number, warps: number, registers: number) {
  const lanes = [8, 16, 32].find(count => channels <= 16 * count) ?? 32;
  const warpTokens = 32 / lanes;
  const lanePairs = Math.ceil(channels / (2 * lanes));
  const pairsHeld = 2 * lanePairs <= registers / 2;
  return {
    lanes,
    warpTokens,
    stepTokens: warpTokens * warps,
    lanePairs,
    pairsHeld,
    pairUnroll: pairsHeld ? "CNX_UNROLL" : "CNX_EIGHTFOLD",
    tileRow: tileRow(channels),
  };
}

/** Floats of a site in shared memory: with 8 lanes a site, neighbours lie half the banks apart. */
export const tileRow = (channels: number): number =>
  channels <= 128 && channels % 2 === 0 ? channels + ((48 - (channels % 32)) % 32) : channels;
