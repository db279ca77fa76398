import type { GeluApproximation, PatchGrid } from "../../graph/ops.ts";
import { divideUp } from "../tile.ts";
import { webgpuLimits } from "../tuning-profiles.ts";

// What the kernel kinds share: bindings, vectors, literals, and the contexts of common partials.

/** LayerNorm over channels after the sum; `affine` adds gain and shift. */
export interface NormParams {
  readonly eps: number;
  readonly affine: boolean;
}

/** `activation`: `elements` an image, images one after the other; `weight` and `total`, one of the whole batch: in all. */
export type Role = "activation" | "weight" | "total";

export interface Binding {
  readonly name: string;
  readonly access: "read" | "read_write";
  readonly role: Role;
  /** f32 or i32 elements, padding included: the buffer range must be at least this long. */
  readonly elements: number;
  /** Whether the kernel can take it in 16 bits. */
  readonly f16Allowed: boolean;
}

export type Context = { readonly [name: string]: unknown };

export interface KernelSource {
  /** File in templates/<target>, without its ending. */
  readonly template: string;
  readonly context: Context;
  readonly bindings: readonly Binding[];
  /** Workgroups along x and y; z is the batch. */
  readonly grid: readonly [number, number];
  readonly workgroup: readonly [number, number];
}

export type Vec = 1 | 4;

export const vecOf = (channels: number): Vec => (channels % 4 === 0 ? 4 : 1);

export const wgslType = (vec: Vec): string => (vec === 4 ? "vec4f" : "f32");

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A float literal: 320 as "320.0", 1e-6 as "0.000001". */
export const float = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));

interface Slot extends Binding {
  readonly type: string;
  readonly vec: Vec;
  readonly note: string;
}

export const activation = (
  name: string,
  elements: number,
  vec: Vec,
  note: string,
  access: Binding["access"] = "read",
): Slot => ({
  name,
  access,
  role: "activation",
  elements,
  f16Allowed: false,
  type: wgslType(vec),
  vec,
  note,
});

export const result = (name: string, elements: number, vec: Vec, note: string): Slot =>
  activation(name, elements, vec, note, "read_write");

export const weight = (
  name: string,
  elements: number,
  vec: Vec,
  note: string,
  access: Binding["access"] = "read",
): Slot => ({
  name,
  access,
  role: "weight",
  elements,
  f16Allowed: false,
  type: wgslType(vec),
  vec,
  note,
});

/** A map or a packed weight, which may be stored in 16 bits where it is read and written by fours. */
export const f16Allowed = (slot: Slot): Slot => ({ ...slot, f16Allowed: slot.vec === 4 });

/** A patch table: slots of patches, then patches of slots. */
export const patchTableSlot = ({ rows, columns, keep }: PatchGrid, access: Binding["access"] = "read"): Slot => ({
  ...activation("table", rows * columns + keep, 1, `[${rows * columns}] slots, [${keep}] patches`, access),
  type: "i32",
});

/** The mask of an image, 1 for removed patches. */
export const maskSlot = ({ rows, columns }: Pick<PatchGrid, "rows" | "columns">): Slot =>
  activation("mask", rows * columns, 1, dims(rows, columns));

/** A result over the whole batch. */
export const total = (name: string, elements: number, note: string): Slot => ({
  ...result(name, elements, 1, note),
  role: "total",
});

export const slots = (list: readonly (Slot | null)[]): readonly Slot[] => list.filter(slot => slot !== null);

export const bindingContext = (list: readonly Slot[]) =>
  list.map(({ name, access, role, elements, type, vec, note }, index) => ({
    index,
    name,
    access,
    note,
    type: role === "activation" ? `array<${type}>` : `array<${type}, ${elements / vec}>`,
  }));

export const bindingsOf = (list: readonly Slot[]): readonly Binding[] =>
  list.map(({ name, access, role, elements, f16Allowed }) => ({ name, access, role, elements, f16Allowed }));

/** The same kernel with some of its operands stored in 16 bits; templates widen and narrow what these are named. */
export function withF16(source: KernelSource, f16Bindings: readonly string[]): KernelSource {
  const bindings = source.context.bindings as ReturnType<typeof bindingContext>;
  const stored = bindings.map(binding =>
    f16Bindings.includes(binding.name) ? { ...binding, type: f16Type(binding.type) } : binding,
  );
  const fours = stored.some(({ type }) => type.includes("half4"));
  return { ...source, context: { ...source.context, halves: f16Bindings, fours, bindings: stored } };
}

/** Fours have a type of their own; what is written two by two is a word a pair. */
const f16Type = (type: string): string =>
  type.includes("vec4f")
    ? type.replace("vec4f", "half4")
    : type.replace(/^array<f32, (\d+)>$/, (_, length) => `array<u32, ${Number(length) / 2}>`);

export const dims = (...n: number[]): string => n.map(x => `[${x}]`).join("");

/** What partials/token-stats needs: so many sites, each with its `channels` reduced by `share` invocations. */
export const statsContext = (of: {
  tokens: number;
  channels: number;
  vec: Vec;
  eps: number;
  invocations: number;
  share: number;
}) => {
  const count = of.channels / of.vec;
  return {
    tokens: of.tokens,
    count,
    channels: float(of.channels),
    vec: of.vec,
    vector: of.vec === 4,
    acc: wgslType(of.vec),
    eps: float(of.eps),
    invocations: of.invocations,
    share: of.share,
    single: of.share === 1,
    merge: Math.min(of.share, count),
    reach: count + of.share - 1,
  };
};

export const affineSlots = (norm: NormParams | null, channels: number, vec: Vec): (Slot | null)[] =>
  norm?.affine ? [weight("gain", channels, vec, dims(channels)), weight("shift", channels, vec, dims(channels))] : [];

export const tailOf = (channels: number) => {
  const tail = channels % 4;
  return { tail, tailList: tail === 0 ? [] : range(4).map(i => ({ i, inside: i < tail })) };
};

/** Which patch a site lies in: the grid, and the sites of a patch. */
export interface PatchGeometry extends PatchGrid {
  /** Sites of a patch down and across. */
  readonly down: number;
  readonly across: number;
}

/** Which forms of GELU partials/gelu computes by the hyperbolic tangent. */
export const approximate: Readonly<Record<GeluApproximation, boolean>> = { erf: false, tanh: true };

export const epilogueContext = (
  p: { rows: number; columns: number; gelu: GeluApproximation | null; residual: boolean; mask: PatchGeometry | null },
  guardRows: boolean,
  guardColumns: boolean,
) => ({
  rows: p.rows,
  columns: p.columns,
  columnQuads: divideUp(p.columns, 4),
  columnsVector: p.columns % 4 === 0,
  gelu: p.gelu !== null,
  tanh: p.gelu !== null && approximate[p.gelu],
  residual: p.residual,
  mask: p.mask === null ? null : maskContext(p.mask),
  guard: guardRows || guardColumns,
  guardRows,
  guardColumns,
  acc: "vec4f",
});

/** What kernels that look patches up need, of a grid whose patches have so many sites. */
export const patchContext = ({ rows, columns, keep }: PatchGrid, down: number, across: number) => ({
  rows,
  columns,
  keep,
  down,
  across,
  patches: rows * columns,
  tableLength: rows * columns + keep,
});

/** What partials/removed needs: from the row of a product, or a site of a map, to its patch. */
export const maskContext = ({ rows, columns, down, across }: PatchGeometry) => ({
  patches: rows * columns,
  columns,
  width: columns * across,
  down,
  across,
});

/** One invocation a vector of the result: the grid, and what the template needs to find and to guard it. */
export const flat = (count: number) => {
  const invocations = 64;
  const grid = grid1(divideUp(count, invocations));
  const context = { count, invocations, gridX: grid[0], ragged: grid[0] * grid[1] * invocations !== count };
  return { context, grid, workgroup: [invocations, 1] } as const;
};

/** Splits n workgroups over x and y. */
export const grid1 = (n: number): readonly [number, number] => {
  const y = divideUp(n, webgpuLimits.workgroupsPerDimension);
  return [divideUp(n, y), y];
};
