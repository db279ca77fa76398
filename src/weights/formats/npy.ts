import type { FilePlace } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { FileDType } from "../dtype.ts";
import { u16, u32 } from "./bytes.ts";
import { maxRank } from "./header.ts";

/** Bytes of the header that are read at most; numpy's own have 128. */
export const maxNpyHeader = 65_536;

export interface NpyHeader {
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  readonly isFortran: boolean;
  /** Where the data begin. */
  readonly size: number;
}

const magic = "\x93NUMPY";
/** Whether a file begins as numpy.save writes it. */
export const isNpy = (start: Uint8Array): boolean => String.fromCharCode(...start.subarray(0, magic.length)) === magic;

/** Bytes that the header's length takes in each version of the format. */
const lengthBytes: Readonly<Record<number, 2 | 4>> = { 1: 2, 2: 4, 3: 4 };

/** Element types by the names that numpy has for them. */
export const npyTypes: Readonly<Record<string, FileDType>> = {
  "<f4": "F32",
  "<f2": "F16",
  "<f8": "F64",
  "<i8": "I64",
  "<i4": "I32",
  "<i2": "I16",
  "|i1": "I8",
  "<u8": "U64",
  "<u4": "U32",
  "<u2": "U16",
  "|u1": "U8",
  "|b1": "BOOL",
};

/**
 * The header of an array, from its first bytes; after numpy/lib/format.py, which has versions 1 to 3. Its text is a
 * dictionary in Python's own syntax, of which only what numpy writes is read. Throws a `Failure`.
 */
export function readNpyHeader(name: string, bytes: Uint8Array, place: FilePlace): NpyHeader {
  const broken = (expected: string) => new Failure(error("npy-header", place, name, expected));
  if (!isNpy(bytes)) throw broken("the magic bytes of numpy");
  const lengthSize = lengthBytes[bytes[6] ?? 0];
  if (lengthSize === undefined || bytes[7] !== 0) throw broken("a version from 1.0 to 3.0");
  const start = 8 + lengthSize;
  const size = start + (lengthSize === 2 ? u16(bytes, 8) : u32(bytes, 8));
  if (size > bytes.length) throw broken(`at most ${bytes.length} bytes of it`);
  let text = "";
  for (const byte of bytes.subarray(start, size)) text += String.fromCharCode(byte);
  const fields = readFields(text);
  if (fields === null) throw broken("a dictionary of descr, fortran_order and shape, each once");
  const { descr, isFortran, shape } = fields;
  const dtype = Object.hasOwn(npyTypes, descr) ? npyTypes[descr] : undefined;
  if (dtype === undefined)
    throw new Failure(
      withNote(error("npy-dtype", place, name, descr), "save it with .astype('<f4'), as little-endian numbers"),
    );
  if (shape.length > maxRank) throw new Failure(error("weights-limit-rank", place, name, maxRank));
  if (!shape.every(Number.isSafeInteger)) throw new Failure(error("weights-shape-range", place, name));
  return { dtype, shape, isFortran, size };
}

interface Fields {
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
}

/** One field each, with the comma that numpy also puts after the last. */
const field = /^\s*'(descr|fortran_order|shape)': ?(?:'([<>|=][A-Za-z]\w*)'|(True|False)|\(([\d, ]*)\)),?/;
/** Sizes of a tuple; a tuple of one has a comma behind it. */
const sizes = /^$|^\d{1,16},$|^\d{1,16}(, ?\d{1,16})+,?$/;

function readFields(text: string): Fields | null {
  const whole = /^\{(.*)\} *\n?$/s.exec(text);
  let rest = whole?.[1] ?? "";
  const found = new Map<string, string>();
  for (let match = field.exec(rest); match !== null; match = field.exec(rest)) {
    const [all, key = "", descr, flag, tuple] = match;
    const value = { descr, fortran_order: flag, shape: tuple }[key];
    if (value === undefined || found.has(key)) return null;
    found.set(key, value);
    rest = rest.slice(all.length);
  }
  const [descr, flag, tuple] = ["descr", "fortran_order", "shape"].map(key => found.get(key));
  if (whole === null || rest.trim() !== "" || descr === undefined || flag === undefined || tuple === undefined)
    return null;
  if (!sizes.test(tuple)) return null;
  return {
    descr,
    isFortran: flag === "True",
    shape: tuple
      .split(",")
      .filter(size => size.trim() !== "")
      .map(Number),
  };
}
