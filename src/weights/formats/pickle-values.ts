import type { FileDType } from "../dtype.ts";

/** What a pickle can hold here: data, and objects that are looked at by nobody. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Held;
export type Held = Sequence | Dict | Inert | Foreign | Global | Storage | StridedTensor;

/**
 * How large a value is when everything it refers to is counted each time, kept up to date as values are put into
 * others. Values are shared, so a walk may take time beyond measure: nothing here ever walks them.
 */
export interface Extent {
  depth: number;
  leaves: number;
  /** The first foreign value that it holds, however deep. */
  foreign?: Foreign;
}

export interface Sequence extends Extent {
  readonly type: "tuple" | "list" | "set";
  readonly items: Value[];
}

export interface Entry {
  readonly key: Value;
  readonly value: Value;
  /** File offset of the opcode that made the key. */
  readonly at: number;
}

/** Every pair that was put in, in that order; a key may stand twice. */
export interface Dict extends Extent {
  readonly type: "dict";
  /** OrderedDict, to which a state dict has attributes added. */
  readonly ordered: boolean;
  readonly entries: Entry[];
}

/** An object of an allowed class whose contents mean nothing to weights; `open` takes attributes. */
export interface Inert {
  readonly type: "inert";
  readonly open: boolean;
}

/**
 * A class or function that is not on the allow-list, and whatever a pickle would have made with it: nothing is made, and
 * what is put into it is gone. It spoils the entry that it is the value of, and no other.
 */
export interface Foreign {
  readonly type: "foreign";
  readonly name: string;
  /** File offset of the opcode that named it. */
  readonly at: number;
  /** Of a tensor that is no plain array of numbers. */
  readonly refused?: string;
}

/** A class or function on the allow-list, as pickles name it. */
export interface Global {
  readonly type: "global";
  readonly name: string;
  readonly row: GlobalRow;
}

/** What may be done with a global. What a row does not have is refused. */
export interface GlobalRow {
  /** Element type of a class of storages; null for one that counts bytes. */
  readonly storage?: FileDType | null;
  /** A `torch.dtype`; null for one whose tensors are not read. */
  readonly dtype?: FileDType | null;
  /** REDUCE; undefined where the arguments are not as torch.save writes them. */
  readonly call?: (args: readonly Value[], at: number) => Value | undefined;
  /** NEWOBJ without arguments. */
  readonly create?: () => Value;
  /** Not a plain array of numbers: said instead of anything else. */
  readonly refused?: string;
}

/** Numbers in a record of their own, which tensors view. */
export interface Storage {
  readonly type: "storage";
  readonly dtype: FileDType | null;
  readonly key: string;
  /** In elements, or in bytes where it has no element type. */
  readonly length: number;
  readonly at: number;
}

export interface StridedTensor {
  readonly type: "tensor";
  readonly storage: Storage;
  /** Null where its elements are of a type that is not read; `dtypeName` is what PyTorch calls it. */
  readonly dtype: FileDType | null;
  readonly dtypeName: string;
  /** In elements, as strides are. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly at: number;
}

export const isHeld = (value: Value): value is Held =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array);

export const isType = <T extends Held["type"]>(value: Value | undefined, type: T): value is Held & { type: T } =>
  value !== undefined && isHeld(value) && value.type === type;

/** A count, a size or an offset: a whole number from 0. */
export const isCount = (value: Value | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

export function extentOf(value: Value): Extent {
  if (isType(value, "tuple") || isType(value, "list") || isType(value, "set") || isType(value, "dict")) return value;
  return isType(value, "foreign") ? { depth: 0, leaves: 1, foreign: value } : { depth: 0, leaves: 1 };
}
