import type { Param } from "../descriptor.ts";
import { check } from "../errors.ts";
import { elements } from "../gpu.ts";
import type { StateKind } from "./shelves.ts";

/** A tensor of a trainer's state, row-major, parameters in the official shape and order of elements. */
export interface StateTensor {
  /** A parameter's official name, or that behind `adamw.m.`, `adamw.v.` or `ema.`; and `adamw.updates`, how many there were. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What there is of a trainer's state to go on from, in any order. */
export type SavedState =
  | Iterable<Pick<StateTensor, "name" | "data">>
  | AsyncIterable<Pick<StateTensor, "name" | "data">>;

/** What stands before a parameter's name, as in the checkpoints of `cnxc train`. */
const prefixes: { readonly [K in StateKind]: string } = {
  param: "",
  exp_avg: "adamw.m.",
  exp_avg_sq: "adamw.v.",
  ema: "ema.",
};

export const updatesName = "adamw.updates";

/** What is kept of one parameter. */
export interface Kept extends Param {
  readonly kind: StateKind;
  readonly param: string;
}

/** All that is kept, by name, kind after kind. */
export const allKept = (params: readonly Param[], hasAverage: boolean): readonly Kept[] =>
  (Object.keys(prefixes) as StateKind[])
    .filter(kind => kind !== "ema" || hasAverage)
    .flatMap(kind => params.map(({ name, shape }) => ({ name: prefixes[kind] + name, shape, kind, param: name })));

/**
 * All of a saved state, by name. Throws WeightsError unless it is the whole state of such a trainer and nothing else. What it is
 * read from may throw too.
 */
export async function wholeState(
  saved: SavedState,
  kept: readonly Kept[],
): Promise<{ readonly updates: number; readonly tensors: ReadonlyMap<string, Float32Array> }> {
  const shapes = new Map<string, readonly number[]>(kept.map(({ name, shape }) => [name, shape]));
  shapes.set(updatesName, [1]);
  const tensors = new Map<string, Float32Array>();
  for await (const { name, data } of saved) {
    const shape = shapes.get(name);
    check(shape, "weights", `the state has '${name}', which this trainer does not know`);
    const count = elements(shape);
    check(
      data instanceof Float32Array && data.length === count,
      "weights",
      `'${name}' [${shape}] takes a Float32Array of ${count} values`,
    );
    tensors.set(name, data);
  }
  const missing = [...shapes.keys()].find(name => !tensors.has(name));
  check(missing === undefined, "weights", `the state has no '${missing}'`);
  const updates = tensors.get(updatesName)?.[0] as number;
  check(Number.isInteger(updates) && updates >= 0, "weights", `'${updatesName}' is a count, not ${updates}`);
  return { updates, tensors };
}
