import { type Part, type ZipOptions, zip } from "./zip-writer.ts";

/** Opcodes and their arguments; nested lists are one after another. */
export type Code = Uint8Array | readonly (number | Code)[];

const flat = (code: Code, into: number[]): void => {
  for (const item of code) typeof item === "number" ? into.push(item) : flat(item, into);
};

/** Bytes of opcodes. */
export function bytesOf(...codes: readonly Code[]): Uint8Array {
  const bytes: number[] = [];
  flat(codes, bytes);
  return Uint8Array.from(bytes);
}

const little = (value: number | bigint, bytes: number): readonly number[] =>
  Array.from({ length: bytes }, (_, k) => Number((BigInt(value) >> BigInt(8 * k)) & 255n));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const char = (letter: string): number => letter.charCodeAt(0);

export const MARK = char("(");
export const STOP = char(".");
export const REDUCE = char("R");
export const SETITEM = char("s");
export const SETITEMS = char("u");
export const APPEND = char("a");
export const APPENDS = char("e");
export const BUILD = char("b");
export const NEWOBJ = 0x81;
export const BINPERSID = char("Q");
export const EMPTY_TUPLE = char(")");
export const EMPTY_LIST = char("]");
export const EMPTY_DICT = char("}");
export const TUPLE = char("t");
export const TUPLE1 = 0x85;
export const TUPLE2 = 0x86;
export const NONE = char("N");
export const TRUE = 0x88;
export const FALSE = 0x89;
export const MEMOIZE = 0x94;
export const STACK_GLOBAL = 0x93;

/** A pickle of one value. */
export const pickle = (...codes: readonly Code[]): Uint8Array => bytesOf([0x80, 2], ...codes, [STOP]);

export const text = (value: string): Code => [char("X"), little(utf8(value).length, 4), utf8(value)];
export const shortText = (value: string): Code => [0x8c, utf8(value).length, utf8(value)];
export const int = (value: number): Code =>
  value >= -(2 ** 31) && value < 2 ** 31 ? [char("J"), little(value, 4)] : [0x8a, 8, little(value, 8)];
export const long1 = (length: number, fill = 1): Code => [0x8a, length, Array<number>(length).fill(fill)];
export const long4 = (length: number): Code => [0x8b, little(length, 4), new Uint8Array(length)];
export const float = (value: number): Code => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return [char("G"), bytes];
};
export const global = (module: string, name: string): Code => [char("c"), utf8(`${module}\n${name}\n`)];
export const put = (slot: number): Code => (slot < 256 ? [char("q"), slot] : [char("r"), little(slot, 4)]);
export const get = (slot: number): Code => (slot < 256 ? [char("h"), slot] : [char("j"), little(slot, 4)]);
export const longPut = (slot: number): Code => [char("r"), little(slot, 4)];
export const frame = (length: number | bigint): Code => [0x95, little(length, 8)];
export const tuple = (...items: readonly Code[]): Code => [MARK, ...items, TUPLE];
export const list = (...items: readonly Code[]): Code => [EMPTY_LIST, MARK, ...items, APPENDS];
export const call = (callee: Code, ...args: readonly Code[]): Code => [callee, tuple(...args), REDUCE];
export const pairs = (entries: readonly (readonly [string | Code, Code])[]): Code =>
  entries.map(([key, value]) => [typeof key === "string" ? text(key) : key, value]);
export const dict = (...entries: readonly (readonly [string | Code, Code])[]): Code => [
  ...[EMPTY_DICT, MARK],
  ...[pairs(entries), SETITEMS],
];
export const orderedDict = (...entries: readonly (readonly [string | Code, Code])[]): Code => [
  call(global("collections", "OrderedDict")),
  ...(entries.length === 0 ? [] : [MARK, pairs(entries), SETITEMS]),
];

export interface TensorCode {
  readonly key: string;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
  readonly storage?: string;
  /** Elements of the storage; those of the shape, unless it is given. */
  readonly length?: number;
  /** In old files a sixth part of the id. */
  readonly legacy?: boolean;
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
const rowMajor = (shape: readonly number[]): readonly number[] => shape.map((_, k) => product(shape.slice(k + 1)) || 1);

export const storage = (name: string, key: string, length: number, ...more: readonly Code[]): Code => [
  tuple(text("storage"), global("torch", name), text(key), text("cpu"), int(length), ...more),
  BINPERSID,
];

/** `torch._utils._rebuild_tensor_v2` as torch.save writes it. */
export function tensor(given: TensorCode): Code {
  const { key, shape, strides = rowMajor(shape), offset = 0, storage: name = "FloatStorage", legacy = false } = given;
  const { length = product(shape) } = given;
  return call(
    global("torch._utils", "_rebuild_tensor_v2"),
    storage(name, key, length, ...(legacy ? [[NONE]] : [])),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    [FALSE],
    orderedDict(),
  );
}

/** A zip archive as torch.save makes it of a pickle and the storages' records. */
export const torchZip = (
  data: Uint8Array,
  records: Readonly<Record<string, Uint8Array>> = {},
  {
    root = "archive",
    more = [],
    ...options
  }: ZipOptions & { readonly root?: string; readonly more?: readonly Part[] } = {},
): Uint8Array => {
  const part = (name: string, bytes: Uint8Array): Part => ({ name: `${root}/${name}`, data: bytes, descriptor: true });
  const stored = Object.entries(records).map(([key, bytes]) => part(`data/${key}`, bytes));
  const parts = [part("data.pkl", data), ...stored, part("version", utf8("3\n")), ...more];
  return zip(parts, { zip64: true, ...options });
};

/** What torch.save wrote before version 1.6. */
export function legacyTorch(
  saved: Code,
  storages: readonly (readonly [key: string, length: number, bytes: Uint8Array])[],
  { protocol = 1001, littleEndian = true, keys = storages.map(([key]) => key) } = {},
): Uint8Array {
  const machine = dict(
    ["protocol_version", int(protocol)],
    ["little_endian", [littleEndian ? TRUE : FALSE]],
    ["type_sizes", dict(["short", int(2)], ["int", int(4)], ["long", int(4)])],
  );
  return new Uint8Array(
    Buffer.concat([
      pickle([0x8a, 10, little(0x1950a86a20f9469cfc6cn, 10)]),
      pickle(int(protocol)),
      pickle(machine),
      pickle(saved),
      pickle(list(...keys.map(text))),
      ...storages.flatMap(([, length, bytes]) => [Uint8Array.from(little(length, 8)), bytes]),
    ]),
  );
}

/** An array as numpy.save writes it. */
export function npy(header: string, data: Uint8Array, version: readonly [number, number] = [1, 0]): Uint8Array {
  const lengthSize = version[0] === 1 ? 2 : 4;
  const padding = 64 - ((8 + lengthSize + header.length + 1) % 64);
  const body = utf8(`${header}${" ".repeat(padding)}\n`);
  return new Uint8Array(
    Buffer.concat([
      Uint8Array.from([0x93, ...utf8("NUMPY"), ...version]),
      Uint8Array.from(little(body.length, lengthSize)),
      body,
      data,
    ]),
  );
}

export const npyHeader = (descr: string, shape: readonly number[], fortran = false): string => {
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${sizes}, }`;
};
