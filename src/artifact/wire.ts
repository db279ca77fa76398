import { Failure } from "../diagnostics/failure.ts";
import { error } from "../diagnostics/messages.ts";
import type { Range } from "../weights/formats/bytes.ts";
import type { ByteSource } from "../weights/formats/source.ts";

/** What one file may hold of each; a model of 1,024 blocks, the most there are, has up to 860,000 fields. */
export const limits = { fields: 1 << 20, structure: 1 << 27, text: 1 << 16 } as const;

/** Protobuf's wire types. Groups, 3 and 4, are in no file of ONNX; 6 and 7 are not defined. */
export type WireType = 0 | 1 | 2 | 5;

export interface Field {
  readonly number: number;
  readonly type: WireType;
  /** Where its tag stands in the file. */
  readonly at: number;
  /** The bytes of its value: those of the number, or what stands behind a length. */
  readonly value: Range;
  /** Where the next one begins. */
  readonly next: number;
}

/**
 * Protobuf fields out of a source, by windows: what is not asked for is not read. Bytes have to be loaded before they are
 * looked at, and most are already there, so that only a few of a file's many fields wait. All of it throws a `Failure`.
 */
export interface WireReader {
  /** Makes `length` bytes from `at` be there, or those up to the end of the file; null where they are. */
  readonly load: (at: number, length: number) => Promise<void> | null;
  /** The field that begins at `at`, in a message that ends at `end`. Needs `headBytes`. */
  readonly field: (at: number, end: number) => Field;
  /** These bytes, which are loaded. */
  readonly bytes: (range: Range) => Uint8Array;
  /** Signed numbers of 64 bits that follow on each other and fill the range, which is loaded. */
  readonly integers: (range: Range) => readonly number[];
  readonly refuse: (at: number, why: string) => never;
  /** Of what a valid file may have, and none of ours has. */
  readonly foreign: (at: number, what: string) => never;
}

const windowBytes = 1 << 16;
/** A tag and a length, of ten bytes each at the most. */
export const headBytes = 20;
/** Field numbers end at 2^29 - 1. */
const maxTag = 2 ** 32;

export function wireReader(source: ByteSource): WireReader {
  let window: Uint8Array = new Uint8Array();
  let first = 0;
  let fields = 0;
  let structure = 0;

  const place = (at: number) => ({ file: source.name, offset: Math.min(at, Math.max(0, source.size - 1)) });
  const refuse = (at: number, why: string): never => {
    throw new Failure(error("onnx-wire", place(at), why));
  };
  const fill = async (at: number, length: number): Promise<void> => {
    window = await source.read(at, length);
    first = at;
  };
  const counted = (at: number): void => {
    if (++fields > limits.fields) refuse(at, `it has more than ${limits.fields} fields`);
  };

  /** A number of up to 64 bits out of the window: 7 bits a byte, the lowest first. */
  const varint = (at: number, end: number): { readonly value: bigint | number; readonly next: number } => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (at + i >= end) return refuse(at, "it ends in the middle of a number");
      const byte = window[at + i - first] as number;
      if (i < 7) value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { value: i < 7 ? value : long(at, i + 1), next: at + i + 1 };
    }
    return refuse(at, "a number has more than 10 bytes");
  };
  const long = (at: number, length: number): bigint => {
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 7n) | BigInt((window[at + i - first] as number) & 0x7f);
    if (value >= 1n << 64n) refuse(at, "a number has more than 64 bits");
    return value;
  };
  const integer = (at: number, end: number): { readonly value: number; readonly next: number } => {
    const { value, next } = varint(at, end);
    const signed = typeof value === "number" ? value : Number(BigInt.asIntN(64, value));
    return Number.isSafeInteger(signed) ? { value: signed, next } : refuse(at, "a number is beyond 2^53 - 1");
  };

  return {
    refuse,
    foreign(at, what) {
      throw new Failure(error("onnx-foreign", place(at), what));
    },
    load(at, length) {
      const wanted = Math.min(length, source.size - at);
      if (at >= first && at + wanted <= first + window.length) return null;
      return fill(at, Math.min(Math.max(windowBytes, wanted), source.size - at));
    },
    field(at, end) {
      counted(at);
      const { value: tag, next: start } = varint(at, end);
      if (typeof tag === "bigint" || tag >= maxTag || tag < 8)
        return refuse(at, "a field has a number that none can have");
      const number = Math.floor(tag / 8);
      const range = (length: number, from: number, type: WireType): Field => {
        if (length > end - from) refuse(at, `field ${number} is to have ${length} bytes, and ${end - from} are left`);
        return { number, type, at, value: { at: from, length }, next: from + length };
      };
      const type = tag % 8;
      if (type === 0) return range(varint(start, end).next - start, start, type);
      if (type === 1) return range(8, start, type);
      if (type === 5) return range(4, start, type);
      if (type !== 2) return refuse(at, `field ${number} has the wire type ${type}, which ONNX does not use`);
      const { value: length, next } = varint(start, end);
      return range(Number(length), next, type);
    },
    bytes: ({ at, length }) => {
      structure += length;
      if (structure > limits.structure) refuse(at, `its structure has more than ${limits.structure} bytes`);
      return window.subarray(at - first, at - first + length);
    },
    integers({ at, length }) {
      const values: number[] = [];
      for (let next = at; next < at + length; ) {
        counted(next);
        const found = integer(next, at + length);
        values.push(found.value);
        next = found.next;
      }
      return values;
    },
  };
}
