import { invariant } from "../../../diagnostics/invariant.ts";
import type { GeluApproximation, PatchGrid } from "../../../graph/ops.ts";
import type { GemmParams, NormParams } from "../../../plan/kernels.ts";
import type { Kernel, KernelOperand } from "../../../plan/plan.ts";
import { divideUp } from "../../../plan/tiles/tile.ts";
import { webgpuLimits } from "../../../plan/tiles/tuning-profiles.ts";
import { maskContext } from "../../patches.ts";
import { dims, geluTitle, geluWord, type Vec } from "../../simple/kernel.ts";

// What the kernel kinds share: bindings, vectors, literals, and the contexts of common partials.

export type Context = { readonly [name: string]: unknown };

/** A kernel and what its text is rendered from. */
export interface KernelSource extends Omit<Kernel, "images"> {
  /** File in templates, without its ending. */
  readonly template: string;
  readonly context: Context;
  /** One dispatch is for all images. */
  readonly once?: true;
  /** What the text reads from a uniform, by name. */
  readonly sizes?: ReadonlyMap<string, number>;
}

/** A size as a text has it: the number, or where the uniform holds it. */
export type Size = number | string;

/** Gives a size its place in a text. */
export type PlaceSize = (name: string, value: number) => Size;

/**
 * Sizes as numbers in the text; or where `shared` as fields of a uniform, so that kernels that differ in nothing else are
 * one. `taken` holds those.
 */
export function sizesFor(shared: boolean): { readonly size: PlaceSize; readonly taken: ReadonlyMap<string, number> } {
  const taken = new Map<string, number>();
  const size: PlaceSize = (name, value) => {
    if (!shared) return value;
    const field = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
    invariant((taken.get(field) ?? value) === value, `two sizes are called '${field}'`);
    taken.set(field, value);
    return `sizes.${field}`;
  };
  return { size, taken };
}

/** A text that is of one kernel alone. */
export const literal: PlaceSize = (_, value) => value;

/** A size as a float. */
export const floatOf = (size: Size): string => (typeof size === "number" ? float(size) : `f32(${size})`);

/** What is added to an index: so many times a size, and more. */
export const plusTimes = (times: number, size: Size, more = 0): string =>
  typeof size === "number"
    ? plus(times * size + more)
    : `${plus(more)}${times === 0 ? "" : ` + ${times === 1 ? "" : `${times} * `}${size}`}`;

export const vecOf = (channels: number): Vec => (channels % 4 === 0 ? 4 : 1);

export const wgslType = (vec: Vec): string => (vec === 4 ? "vec4f" : "f32");

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A float literal: 320 as "320.0", 1e-6 as "0.000001". */
export const float = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));

export interface Slot extends KernelOperand {
  readonly type: string;
  readonly vec: Vec;
  readonly note: string;
}

export const activation = (
  role: string,
  elements: number,
  vec: Vec,
  note: string,
  access: Slot["access"] = "read",
): Slot => ({ role, access, perImage: true, elements, storage: ["f32"], type: wgslType(vec), vec, note });

export const result = (role: string, elements: number, vec: Vec, note: string): Slot =>
  activation(role, elements, vec, note, "write");

export const weight = (
  role: string,
  elements: number,
  vec: Vec,
  note: string,
  access: Slot["access"] = "read",
): Slot => ({ ...activation(role, elements, vec, note, access), perImage: false });

/** A map or a packed weight, which may be stored in 16 bits where it is read and written by fours. */
export const f16Allowed = (slot: Slot): Slot => (slot.vec === 4 ? { ...slot, storage: ["f16", "f32"] } : slot);

/** A patch table: slots of patches, then patches of slots. */
export const patchTableSlot = ({ rows, columns, keep }: PatchGrid): Slot => ({
  ...activation("table", rows * columns + keep, 1, `[${rows * columns}] slots, [${keep}] patches`),
  storage: ["i32"],
  type: "i32",
});

/** The mask of an image, 1 for removed patches. */
export const maskSlot = ({ rows, columns }: Pick<PatchGrid, "rows" | "columns">): Slot =>
  activation("mask", rows * columns, 1, dims(rows, columns));

export const slots = (list: readonly (Slot | null)[]): readonly Slot[] => list.filter(slot => slot !== null);

/** A kernel's declarations; WGSL knows no access of writing alone. What serves several sizes says none. */
export const bindingContext = (list: readonly Slot[], shared = false) =>
  list.map(({ role, access, perImage, elements, type, vec, note }, index) => ({
    index,
    name: role,
    access: access === "write" ? "read_write" : "read",
    note,
    type: perImage || shared ? `array<${type}>` : `array<${type}, ${elements / vec}>`,
  }));

export const operandsOf = (list: readonly Slot[]): readonly KernelOperand[] =>
  list.map(({ role, access, perImage, elements, storage }) => ({ role, access, perImage, elements, storage }));

/** The context of a kernel with some of its operands stored in 16 bits; templates widen and narrow what these are named. */
export function withF16(context: Context, f16Operands: readonly string[]): Context {
  const bindings = context.bindings as ReturnType<typeof bindingContext>;
  const stored = bindings.map(binding =>
    f16Operands.includes(binding.name) ? { ...binding, type: f16Type(binding.type) } : binding,
  );
  const fours = stored.some(({ type }) => type.includes("half4"));
  return { ...context, halves: f16Operands, fours, bindings: stored };
}

/** Fours have a type of their own; what is written two by two is a word a pair. */
const f16Type = (type: string): string =>
  type.includes("vec4f")
    ? type.replace("vec4f", "half4")
    : type.replace(/^array<f32(?:, (\d+))?>$/, (_, length) =>
        length === undefined ? "array<u32>" : `array<u32, ${Number(length) / 2}>`,
      );

/** What partials/token-stats needs: so many sites, each with its `channels` reduced by `share` invocations. */
export const statsContext = (
  of: {
    readonly tokens: number;
    readonly channels: number;
    readonly eps: number;
    readonly tile: { readonly invocations: number; readonly reductionWidth: number };
  },
  size: PlaceSize = literal,
) => {
  const { invocations, reductionWidth: share } = of.tile;
  const vec = vecOf(of.channels);
  const count = of.channels / vec;
  return {
    tokens: of.tokens,
    count: size("count", count),
    channels: floatOf(size("channels", of.channels)),
    vec,
    vector: vec === 4,
    acc: wgslType(vec),
    eps: float(of.eps),
    invocations,
    share,
    single: share === 1,
    merge: share === 1 ? 1 : size("merge", Math.min(share, count)),
    reach: share === 1 ? count : size("reach", count + share - 1),
  };
};

/** What kernels say of the LayerNorm that they end with: of so many sites, in memory that a group shares. */
export const normContext = (
  norm: NormParams | null,
  of: {
    readonly tokens: number;
    readonly channels: number;
    readonly tile: { readonly invocations: number; readonly reductionWidth: number };
  },
  size: PlaceSize = literal,
) => ({
  norm: norm !== null,
  affine: norm?.affine ?? false,
  eps: norm === null ? null : float(norm.eps),
  invocations: of.tile.invocations,
  stats: norm === null ? null : statsContext({ ...of, eps: norm.eps }, size),
});

/** What is added to an index. */
export const plus = (offset: number): string => (offset === 0 ? "" : ` + ${offset}`);

export const affineSlots = (norm: NormParams | null, channels: number, vec: Vec): (Slot | null)[] =>
  norm?.affine ? [weight("gain", channels, vec, dims(channels)), weight("shift", channels, vec, dims(channels))] : [];

export const tailOf = (channels: number) => {
  const tail = channels % 4;
  return { tail, tailList: tail === 0 ? [] : range(4).map(i => ({ i, inside: i < tail })) };
};

/** Which form of GELU partials/gelu is of, and what it is called. */
export const geluContext = (form: GeluApproximation | null) => ({
  gelu: form === null ? null : geluWord[form],
  activationName: form === null ? null : geluTitle[form],
  tanh: form === "tanh",
  silu: form === "silu",
  relu: form === "relu",
});

export const epilogueContext = (
  p: Pick<GemmParams, "rows" | "columns" | "gelu" | "residual" | "mask" | "hidden">,
  guardRows: boolean,
  guardColumns: boolean,
  size: PlaceSize = literal,
) => ({
  rows: size("rows", p.rows),
  columns: size("columns", p.columns),
  columnQuads: size("columnQuads", divideUp(p.columns, 4)),
  columnsVector: p.columns % 4 === 0,
  ...geluContext(p.gelu),
  residual: p.residual,
  hidden: p.hidden ?? false,
  mask: p.mask === null ? null : maskContext(p.mask),
  outside: [
    guardRows ? `m >= ${size("rows", p.rows)}` : "",
    guardColumns ? `n >= ${size("columnQuads", divideUp(p.columns, 4))}` : "",
  ]
    .filter(guard => guard !== "")
    .join(" || "),
  guardRows,
  guardColumns,
  acc: "vec4f",
});

/** Splits n workgroups over x and y. */
export const grid1 = (n: number): readonly [number, number] => {
  const y = divideUp(n, webgpuLimits.workgroupsPerDimension);
  return [divideUp(n, y), y];
};
