import type { GeluApproximation, PatchGrid } from "../../graph/ops.ts";
import type { KernelOperand } from "../../plan/plan.ts";
import { divideUp, roundUp } from "../../plan/tiles/tile.ts";

// Memory-bound kernels, which have one text on every target: templates/kernels, in words that each language prints its
// own way. See docs/contributing.md.

/** How a language wants its simple kernels. */
export interface Form {
  readonly language: "wgsl" | "cuda";
  /** Values that a thread takes at a time, of rows of so many: WGSL reads by fours where they divide. */
  readonly vec: (length: number) => Vec;
  /** Channels that rows of statistics take in memory. */
  readonly padded: (channels: number) => number;
}

export type Vec = 1 | 4;

export const wgslForm: Form = {
  language: "wgsl",
  vec: length => (length % 4 === 0 ? 4 : 1),
  padded: channels => roundUp(channels, 4),
};

export const cudaForm: Form = { language: "cuda", vec: () => 1, padded: channels => channels };

export interface SimpleOperand extends Omit<KernelOperand, "storage"> {
  /** A `map` is kept in the type of the build; the others are as they say. */
  readonly kept: "map" | "f32" | "i32";
  readonly vec: Vec;
  /** Shape, as the generated text states it. */
  readonly note: string;
  /** A workgroup reads what all images have of it, not one's. */
  readonly ofAllImages?: true;
}

export interface SimpleKernel {
  /** File in templates/kernels, without its ending. */
  readonly template: string;
  readonly context: { readonly [name: string]: unknown };
  readonly operands: readonly SimpleOperand[];
  /** Of a workgroup. */
  readonly threads: number;
  /** Values of an image that threads make, one each; or workgroups of an image, where threads share more than that. */
  readonly over: { readonly elements: number } | { readonly groups: number };
  /** Threads add up what they have: `{{#summed}}`. */
  readonly totals?: true;
  /** It takes the number of images. */
  readonly counted?: true;
  /** One workgroup is for all images. */
  readonly once?: true;
  /** Workgroups are not an image's: they read what all images have. */
  readonly across?: true;
  /** The GELU that it calls, and that whose slope it calls. */
  readonly gelu?: GeluApproximation;
  readonly slope?: GeluApproximation;
  /** Floating-point operations of an image, where they count. */
  readonly flops?: number;
}

export const read = (role: string, elements: number, vec: Vec, note: string): SimpleOperand => ({
  role,
  access: "read",
  elements,
  perImage: true,
  kept: "map",
  vec,
  note,
});

export const write = (role: string, elements: number, vec: Vec, note: string): SimpleOperand => ({
  ...read(role, elements, vec, note),
  access: "write",
});

/** The same operand in f32, whatever the build keeps maps in. */
export const inF32 = (operand: SimpleOperand): SimpleOperand => ({ ...operand, kept: "f32" });

/** As it is, or where a kernel is about pooled vectors in f32. */
export const keptAs = ({
  pooled = false,
}: {
  readonly pooled?: boolean;
}): ((operand: SimpleOperand) => SimpleOperand) => (pooled ? inF32 : operand => operand);

export const parameter = (role: string, elements: number, vec: Vec, note: string): SimpleOperand => ({
  ...inF32(read(role, elements, vec, note)),
  perImage: false,
});

/** An operand of which there is one for all images. */
export const unbatched = (operand: SimpleOperand): SimpleOperand => ({ ...inF32(operand), perImage: false });

/** The mask of an image, 1 for removed patches. */
export const maskOperand = ({ rows, columns }: Pick<PatchGrid, "rows" | "columns">): SimpleOperand =>
  inF32(read("mask", rows * columns, 1, dims(rows, columns)));

/** Slots of patches, then patches of slots. */
export const tableOperand = ({ rows, columns, keep }: PatchGrid): SimpleOperand => ({
  ...read("table", rows * columns + keep, 1, `[${rows * columns}] slots, [${keep}] patches`),
  kept: "i32",
});

export const present = (operands: readonly (SimpleOperand | null)[]): readonly SimpleOperand[] =>
  operands.filter(operand => operand !== null);

/** A shape in a comment; what a uniform holds by its name alone. */
export const dims = (...sizes: readonly (number | string)[]): string =>
  sizes.map(size => `[${`${size}`.replace("sizes.", "")}]`).join("");

/** Threads of a workgroup for so much work: whole multiples of what runs together, and no more than `most`. */
export const threadsFor = (work: number, together: number, most: number): number =>
  Math.min(most, roundUp(work, together));

/** What code and formulas call a form of GELU. */
export const geluWord = { erf: "gelu", tanh: "gelu", silu: "silu", relu: "relu" } as const satisfies Readonly<
  Record<GeluApproximation, string>
>;

/** What comments call it. */
export const geluTitle = { erf: "GELU", tanh: "GELU", silu: "SiLU", relu: "ReLU" } as const satisfies Readonly<
  Record<GeluApproximation, string>
>;

/** Which slope of a GELU the partials gelu-slope and cuda-gelu-slope write; null for none. */
export const slopeContext = (form: GeluApproximation | null) => ({
  slope: form !== null,
  tanhSlope: form === "tanh",
  siluSlope: form === "silu",
  reluSlope: form === "relu",
});

/** Threads of a kernel whose threads make a value each. */
export const elementThreads = { wgsl: 64, cuda: 256 } as const satisfies Record<Form["language"], number>;

/** Workgroups of it. */
export const groupsOf = ({ over, threads }: Pick<SimpleKernel, "over" | "threads">): number =>
  "groups" in over ? over.groups : divideUp(over.elements, threads);
