import { divideUp, limits } from "../tile.ts";

// What the kernel kinds share: bindings, vectors, literals, and the contexts of common partials.

export type Gelu = "erf" | "tanh";

/** LayerNorm over channels after the sum; `affine` adds gain and shift. */
export interface NormParams {
  readonly eps: number;
  readonly affine: boolean;
}

/** `activation`: `elements` an image, images one after the other; `weight`: `elements` in all. */
export type Role = "activation" | "weight";

export interface Binding {
  readonly name: string;
  readonly access: "read" | "read_write";
  readonly role: Role;
  /** f32 elements, padding included: the buffer range must be at least this long. */
  readonly elements: number;
}

export type Context = { readonly [name: string]: unknown };

export interface KernelSource {
  /** File in templates/<target>, without its ending. */
  readonly template: string;
  readonly context: Context;
  readonly bindings: readonly Binding[];
  /** Groups along x and y; z is the batch. */
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
  vec,
  note,
});

export const slots = (list: readonly (Slot | null)[]): readonly Slot[] => list.filter(slot => slot !== null);

export const bindingContext = (list: readonly Slot[]) =>
  list.map(({ name, access, role, elements, vec, note }, index) => ({
    index,
    name,
    access,
    note,
    type: role === "weight" ? `array<${wgslType(vec)}, ${elements / vec}>` : `array<${wgslType(vec)}>`,
  }));

export const bindingsOf = (list: readonly Slot[]): readonly Binding[] =>
  list.map(({ name, access, role, elements }) => ({ name, access, role, elements }));

export const dims = (...n: number[]): string => n.map(x => `[${x}]`).join("");

/** What partials/token-stats needs: `tokens` tokens of `channels`, `share` invocations each. */
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

export const finishContext = (
  p: { rows: number; columns: number; gelu: Gelu | null; residual: boolean },
  guardRows: boolean,
  guardColumns: boolean,
) => ({
  rows: p.rows,
  columns: p.columns,
  columnQuads: divideUp(p.columns, 4),
  columnsVector: p.columns % 4 === 0,
  gelu: p.gelu !== null,
  tanh: p.gelu === "tanh",
  residual: p.residual,
  guard: guardRows || guardColumns,
  guardRows,
  guardColumns,
  acc: "vec4f",
});

/** Splits n groups over x and y. */
export const grid1 = (n: number): readonly [number, number] => {
  const y = divideUp(n, limits.groups);
  return [divideUp(n, y), y];
};
