import { maxListed } from "../../diagnostics/capped.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { decodeUtf8, u16, u32, u64 } from "./bytes.ts";
import { findGlobal } from "./pickle-globals.ts";
import {
  type Dict,
  type Extent,
  extentOf,
  type Foreign,
  isCount,
  isType,
  type Sequence,
  type Storage,
  type Value,
} from "./pickle-values.ts";

export const maxOpcodes = 1_000_000;
export const maxDepth = 32;
export const maxLeaves = 1 << 24;
/** Bytes of an integer; the magic number of old files has 10. */
const maxInteger = 16;

/** An interpreter of pickles in the middle of one. */
interface Machine {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** File offset of the bytes. */
  readonly base: number;
  at: number;
  /** Where the opcode at work begins. */
  opAt: number;
  opcode: string;
  /** The stack, and beside it where the opcodes stand that pushed. */
  readonly stack: Value[];
  readonly places: number[];
  /** Heights of the stack at which a MARK stands. */
  readonly marks: number[];
  readonly memo: Map<number, Value>;
  readonly storages: Map<string, Storage>;
  readonly foreign: Map<string, Foreign>;
  /** Where the frame at work ends; nothing may reach over it. */
  frameEnd: number;
  isOver: boolean;
}

export interface Unpickled {
  readonly value: Value;
  /** Of all tensors, by their keys. */
  readonly storages: ReadonlyMap<string, Storage>;
  /** The first of each name that is not on the allow-list, as many as anybody reads. */
  readonly foreign: readonly Foreign[];
  /** Index of the first byte after STOP. */
  readonly end: number;
}

/**
 * The data in a pickle of protocols 2 to 5: the opcodes of the table below, the names of the allow-list, nothing else.
 * No code is run and no name looked up; of another name nothing is made but a mark that it was there. Takes time and memory in
 * proportion to the bytes, whatever they are. Throws a `Failure`. `base` is the file offset of `bytes`.
 *
 * After pickletools.py of CPython, which describes every opcode.
 */
export function unpickle(file: string, bytes: Uint8Array, start: number, base: number): Unpickled {
  const m: Machine = {
    ...{ file, bytes, base, at: start, opAt: start, opcode: "the start", frameEnd: 0, isOver: false },
    ...{ stack: [], places: [], marks: [], memo: new Map(), storages: new Map(), foreign: new Map() },
  };
  for (let count = 0; !m.isOver; count++) {
    m.opAt = m.at;
    if (count === maxOpcodes) throw new Failure(error("pickle-limit", placeOf(m), maxOpcodes, "opcodes"));
    const code = byte(m);
    const opcode = opcodes.get(code);
    if (opcode === undefined || (count === 0 && code !== 0x80))
      throw new Failure(error("pickle-opcode", placeOf(m), code));
    const { frameEnd } = m;
    m.opcode = opcode.name;
    opcode.run(m);
    if (m.opAt < frameEnd && m.at > frameEnd) throw new Failure(error("pickle-frame", placeOf(m)));
  }
  const [value] = m.stack;
  if (value === undefined || m.stack.length !== 1 || m.marks.length > 0)
    throw new Failure(error("pickle-stack", placeOf(m), "STOP", "exactly one value"));
  return { value, storages: m.storages, foreign: [...m.foreign.values()], end: m.at };
}

const placeOf = ({ file, bytes, base, opAt }: Machine) => ({
  file,
  offset: base + Math.min(opAt, Math.max(0, bytes.length - 1)),
});

/** The next `length` bytes, which are then behind. */
function take(m: Machine, length: number): Uint8Array {
  if (length > m.bytes.length - m.at) throw new Failure(error("pickle-end", placeOf(m)));
  m.at += length;
  return m.bytes.subarray(m.at - length, m.at);
}

const byte = (m: Machine): number => take(m, 1)[0] as number;

/** The length in front of an argument, of 1, 4 or 8 bytes. */
const lengths = { 1: byte, 4: (m: Machine) => u32(take(m, 4), 0), 8: (m: Machine) => u64(take(m, 8), 0) } as const;
type LengthBytes = keyof typeof lengths;

function push(m: Machine, value: Value): void {
  m.stack.push(value);
  m.places.push(m.base + m.opAt);
}

const unfit = (m: Machine, needed: string): Failure => new Failure(error("pickle-stack", placeOf(m), m.opcode, needed));

/** The value on top, which must lie above the last MARK. */
function pop(m: Machine, needed: string): Value {
  if (m.stack.length <= (m.marks.at(-1) ?? 0)) throw unfit(m, needed);
  m.places.pop();
  return m.stack.pop() as Value;
}

const top = (m: Machine): Value | undefined =>
  m.stack.length > (m.marks.at(-1) ?? 0) ? m.stack[m.stack.length - 1] : undefined;

interface Marked {
  readonly values: Value[];
  readonly places: number[];
}

/** What lies above the last MARK, which goes too. */
function popMarked(m: Machine): Marked {
  const mark = m.marks.pop();
  if (mark === undefined) throw unfit(m, "a MARK");
  return { values: m.stack.splice(mark), places: m.places.splice(mark) };
}

function popText(m: Machine): string {
  const text = pop(m, "a text");
  if (typeof text !== "string") throw unfit(m, "a text");
  return text;
}

/** Counts a value into what it is put in. */
function grow(m: Machine, into: Extent, value: Value): void {
  const { depth, leaves, foreign } = extentOf(value);
  into.depth = Math.max(into.depth, depth + 1);
  into.leaves += leaves;
  if (foreign !== undefined) into.foreign ??= foreign;
  if (into.depth > maxDepth) throw new Failure(error("pickle-limit", placeOf(m), maxDepth, "levels"));
  if (into.leaves > maxLeaves) throw new Failure(error("pickle-limit", placeOf(m), maxLeaves, "values"));
}

function sequence(m: Machine, type: Sequence["type"], items: Value[]): void {
  const made: Sequence = { type, items, depth: 0, leaves: 1 };
  for (const item of items) grow(m, made, item);
  push(m, made);
}

function append(m: Machine, type: "list" | "set", values: readonly Value[]): void {
  const made = top(m);
  if (isType(made, "foreign")) return;
  if (!isType(made, type)) throw unfit(m, `a ${type}`);
  for (const value of values) {
    grow(m, made, value);
    made.items.push(value);
  }
}

function setItems(m: Machine, { values, places }: Marked): void {
  const dict = top(m);
  if (isType(dict, "foreign")) return;
  if (!isType(dict, "dict")) throw unfit(m, "a dictionary");
  if (values.length % 2 !== 0) throw unfit(m, "a value for every key");
  for (let k = 0; k < values.length; k += 2) {
    const [key, value] = [values[k] as Value, values[k + 1] as Value];
    grow(m, dict, key);
    grow(m, dict, value);
    dict.entries.push({ key, value, at: places[k] as number });
  }
}

function text(m: Machine, length: number): string {
  const found = decodeUtf8(take(m, length));
  if (found === null) throw new Failure(error("pickle-text", placeOf(m)));
  return found;
}

/** A little-endian integer in two's complement; a bigint only where a number would round. */
function integer(m: Machine, length: number): number | bigint {
  if (length > maxInteger) throw new Failure(error("pickle-integer", placeOf(m), length, maxInteger));
  const bytes = take(m, length);
  let value = 0n;
  for (let k = length - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[k] as number);
  value = BigInt.asIntN(8 * Math.max(1, length), value);
  return value === BigInt(Number(value)) && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function float(m: Machine): number {
  const bytes = take(m, 8);
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
}

function protocol(m: Machine): void {
  const version = byte(m);
  if (version < 2 || version > 5) throw new Failure(error("pickle-protocol", placeOf(m), version));
}

function frame(m: Machine): void {
  const length = lengths[8](m);
  if (m.opAt < m.frameEnd) throw new Failure(error("pickle-frame", placeOf(m)));
  if (length > m.bytes.length - m.at) throw new Failure(error("pickle-end", placeOf(m)));
  m.frameEnd = m.at + length;
}

/** Up to and without the line's end, which is behind. */
function line(m: Machine): string {
  const end = m.bytes.indexOf(0x0a, m.at);
  if (end < 0) throw new Failure(error("pickle-end", placeOf(m)));
  const found = text(m, end - m.at);
  m.at++;
  return found;
}

function global(m: Machine, module: string, name: string): void {
  const row = findGlobal(module, name);
  const full = `${module}.${name}`;
  if (row !== undefined && row.refused === undefined) {
    push(m, { type: "global", name: full, row });
    return;
  }
  const refused = row?.refused === undefined ? {} : { refused: row.refused };
  const foreign: Foreign = { type: "foreign", name: full, at: placeOf(m).offset, ...refused };
  if (m.foreign.size < maxListed && !m.foreign.has(full)) m.foreign.set(full, foreign);
  push(m, foreign);
}

const argumentsOf = (m: Machine, name: string): Failure => new Failure(error("pickle-arguments", placeOf(m), name));

function reduce(m: Machine): void {
  const args = pop(m, "a tuple of arguments");
  const callee = pop(m, "something to call");
  if (isType(callee, "foreign")) {
    push(m, callee);
    return;
  }
  if (!isType(args, "tuple")) throw unfit(m, "a tuple of arguments");
  if (!isType(callee, "global") || callee.row.call === undefined) throw unfit(m, "something to call");
  const made = callee.row.call(args.items, m.base + m.opAt) ?? args.foreign;
  if (made === undefined) throw argumentsOf(m, callee.name);
  push(m, made);
}

function create(m: Machine): void {
  const args = pop(m, "a tuple of arguments");
  const made = pop(m, "a class");
  if (isType(made, "foreign")) {
    push(m, made);
    return;
  }
  if (!isType(made, "global") || made.row.create === undefined) throw unfit(m, "a class that has objects");
  if (isType(args, "tuple") && args.foreign !== undefined) {
    push(m, args.foreign);
    return;
  }
  if (!isType(args, "tuple") || args.items.length > 0) throw argumentsOf(m, made.name);
  push(m, made.row.create());
}

/** Attributes of a Namespace or of an OrderedDict: their names are checked, and they are forgotten. */
function build(m: Machine): void {
  const state = pop(m, "attributes");
  const object = top(m);
  if (isType(object, "foreign")) return;
  const takes = isType(object, "dict") ? object.ordered : isType(object, "inert") && object.open;
  if (!takes) throw new Failure(error("pickle-build", placeOf(m), "adds attributes to what has none"));
  if (isType(state, "foreign")) return;
  if (!isType(state, "dict")) throw new Failure(error("pickle-build", placeOf(m), "has attributes without names"));
  for (const { key } of state.entries)
    if (typeof key !== "string" || key.startsWith("__"))
      throw new Failure(error("pickle-build", placeOf(m), "sets an attribute that no data have"));
}

/** torch/serialization.py, persistent_id: ("storage", class, key, location, length), in old files a view behind. */
function persistent(m: Machine): void {
  const id = pop(m, "a persistent id");
  const items = isType(id, "tuple") ? id.items : [];
  const [word, type, key, location, length, view] = items;
  if (isType(type, "foreign")) {
    push(m, type);
    return;
  }
  const isStorage = word === "storage" && isType(type, "global") && type.row.storage !== undefined;
  const fits = typeof key === "string" && typeof location === "string" && isCount(length);
  const isWhole = items.length === 5 || (items.length === 6 && view === null);
  if (!isStorage || !fits || !isWhole) throw new Failure(error("pickle-storage", placeOf(m)));
  const storage: Storage = { type: "storage", dtype: type.row.storage ?? null, key, length, at: m.base + m.opAt };
  const known = m.storages.get(key);
  if (known === undefined) m.storages.set(key, storage);
  else if (known.length !== length || known.dtype !== storage.dtype)
    throw new Failure(error("pickle-storage-twice", placeOf(m), key));
  push(m, storage);
}

function put(m: Machine, slot: number): void {
  // Writers count slots up; a pickle that is cut to what it needs may leave some out, never so many.
  if (slot >= maxOpcodes) throw new Failure(error("pickle-memo", placeOf(m), slot));
  const value = top(m);
  if (value === undefined) throw unfit(m, "a value");
  m.memo.set(slot, value);
}

function get(m: Machine, slot: number): void {
  const value = m.memo.get(slot);
  if (value === undefined) throw new Failure(error("pickle-memo", placeOf(m), slot));
  push(m, value);
}

interface Opcode {
  readonly name: string;
  readonly run: (m: Machine) => void;
}

const tupleOf = (length: number) => (m: Machine) => {
  const items: Value[] = [];
  for (let k = 0; k < length; k++) items.unshift(pop(m, `${length} values`));
  sequence(m, "tuple", items);
};
const textOf = (length: LengthBytes) => (m: Machine) => push(m, text(m, lengths[length](m)));
const bytesOf = (length: LengthBytes) => (m: Machine) => push(m, take(m, lengths[length](m)));
const emptyDict = (): Dict => ({ type: "dict", ordered: false, entries: [], depth: 0, leaves: 1 });

/** One value put in as a MARK and one value would be. */
const appendOne = (m: Machine) => append(m, "list", [pop(m, "a value")]);
function setItem(m: Machine): void {
  const value = pop(m, "a value");
  const at = m.places.at(-1) ?? 0;
  setItems(m, { values: [pop(m, "a key"), value], places: [at, at] });
}

function stackGlobal(m: Machine): void {
  const name = popText(m);
  global(m, popText(m), name);
}

const rows: readonly (readonly [code: number, name: string, run: (m: Machine) => void])[] = [
  [0x80, "PROTO", protocol],
  [0x95, "FRAME", frame],
  [
    0x2e,
    "STOP",
    m => {
      m.isOver = true;
    },
  ],
  [
    0x28,
    "MARK",
    m => {
      m.marks.push(m.stack.length);
    },
  ],
  [0x4e, "NONE", m => push(m, null)],
  [0x88, "NEWTRUE", m => push(m, true)],
  [0x89, "NEWFALSE", m => push(m, false)],
  [0x4a, "BININT", m => push(m, u32(take(m, 4), 0) | 0)],
  [0x4b, "BININT1", m => push(m, byte(m))],
  [0x4d, "BININT2", m => push(m, u16(take(m, 2), 0))],
  [0x8a, "LONG1", m => push(m, integer(m, byte(m)))],
  [0x8b, "LONG4", m => push(m, integer(m, lengths[4](m)))],
  [0x47, "BINFLOAT", m => push(m, float(m))],
  [0x58, "BINUNICODE", textOf(4)],
  [0x8c, "SHORT_BINUNICODE", textOf(1)],
  [0x8d, "BINUNICODE8", textOf(8)],
  [0x54, "BINSTRING", textOf(4)],
  [0x55, "SHORT_BINSTRING", textOf(1)],
  [0x42, "BINBYTES", bytesOf(4)],
  [0x43, "SHORT_BINBYTES", bytesOf(1)],
  [0x29, "EMPTY_TUPLE", tupleOf(0)],
  [0x85, "TUPLE1", tupleOf(1)],
  [0x86, "TUPLE2", tupleOf(2)],
  [0x87, "TUPLE3", tupleOf(3)],
  [0x74, "TUPLE", m => sequence(m, "tuple", popMarked(m).values)],
  [0x5d, "EMPTY_LIST", m => sequence(m, "list", [])],
  [0x8f, "EMPTY_SET", m => sequence(m, "set", [])],
  [0x90, "ADDITEMS", m => append(m, "set", popMarked(m).values)],
  [0x91, "FROZENSET", m => sequence(m, "set", popMarked(m).values)],
  [0x61, "APPEND", appendOne],
  [0x65, "APPENDS", m => append(m, "list", popMarked(m).values)],
  [0x7d, "EMPTY_DICT", m => push(m, emptyDict())],
  [0x73, "SETITEM", setItem],
  [0x75, "SETITEMS", m => setItems(m, popMarked(m))],
  [0x63, "GLOBAL", m => global(m, line(m), line(m))],
  [0x93, "STACK_GLOBAL", stackGlobal],
  [0x52, "REDUCE", reduce],
  [0x81, "NEWOBJ", create],
  [0x62, "BUILD", build],
  [0x51, "BINPERSID", persistent],
  [0x71, "BINPUT", m => put(m, byte(m))],
  [0x72, "LONG_BINPUT", m => put(m, lengths[4](m))],
  [0x94, "MEMOIZE", m => put(m, m.memo.size)],
  [0x68, "BINGET", m => get(m, byte(m))],
  [0x6a, "LONG_BINGET", m => get(m, lengths[4](m))],
];

/** Every opcode that torch.save writes, also in Python 2 and with a protocol of its caller's choice. */
const opcodes: ReadonlyMap<number, Opcode> = new Map(rows.map(([code, name, run]) => [code, { name, run }]));

/** For the page that tells it. */
export const opcodeCount = opcodes.size;
