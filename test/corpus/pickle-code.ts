import {
  APPEND,
  APPENDS,
  BINPERSID,
  BUILD,
  type Code,
  call,
  dict,
  EMPTY_DICT,
  EMPTY_LIST,
  EMPTY_TUPLE,
  FALSE,
  float,
  frame,
  get,
  global,
  int,
  list,
  long1,
  long4,
  longPut,
  MARK,
  MEMOIZE,
  NEWOBJ,
  NONE,
  orderedDict,
  pickle,
  put,
  REDUCE,
  SETITEM,
  SETITEMS,
  STACK_GLOBAL,
  STOP,
  shortText,
  storage,
  TUPLE,
  TUPLE1,
  TUPLE2,
  text,
  tuple,
} from "../support/pickle-writer.ts";
import { badPickle, beside, dtype, limit, one, type PickleRow, raw, row, w } from "./pickle-build.ts";
import { join } from "./safetensors-build.ts";

const id = (...items: readonly Code[]): Code => [tuple(...items), BINPERSID];
const floats = global("torch", "FloatStorage");
const rebuild = global("torch._utils", "_rebuild_tensor_v2");
const odict = global("collections", "OrderedDict");
const empty = tuple();
const store = storage("FloatStorage", "0", 4);
/** `_rebuild_tensor_v2` with those arguments. */
const made = (...args: readonly Code[]): Uint8Array => one(call(rebuild, ...args));
const hooks = orderedDict();

/** Each list holds the one before it twice. */
const laughs = (levels: number, times: number): Code => [
  list([NONE]),
  put(0),
  ...Array.from({ length: levels }, (_, k): Code => [
    [EMPTY_LIST, MARK],
    Array.from({ length: times }, () => get(k)),
    [APPENDS, put(k + 1)],
  ]),
];
/** What is left on the stack above what was there is put in one tuple. */
const gathered = (code: Code): Code => [MARK, code, TUPLE];

const names: readonly (readonly [id: string, module: string, name: string])[] = [
  ["P29-eval", "builtins", "eval"],
  ["P29-eval-2", "__builtin__", "eval"],
  ["P29-getattr", "builtins", "getattr"],
  ["P29-numpy-scalar", "numpy.core.multiarray", "scalar"],
  ["P29-numpy-scalar-2", "numpy._core.multiarray", "scalar"],
  ["P29-resolve-name", "pkgutil", "resolve_name"],
  ["P29-methodcaller", "operator", "methodcaller"],
  ["P29-system", "os", "system"],
  ["P29-posix-system", "posix", "system"],
  ["P29-torch-load", "torch", "load"],
  ["P29-load-from-bytes", "torch.storage", "_load_from_bytes"],
  ["P29-codecs-encode", "_codecs", "encode"],
  ["P29-prototype", "__proto__", "constructor"],
  ["P28-dots", "torch", "os.system"],
  ["P28-dots-in-row", "torch", "_utils._rebuild_tensor_v2"],
  ["P28-dots-module", "torch.os", "system"],
  ["P28-dots-empty", "", "torch.FloatStorage"],
  ["P30-user-module", "ultralytics.nn.tasks", "DetectionModel"],
  ["P30-module", "torch.nn.modules.linear", "Linear"],
  ["P52-from-type", "torch._tensor", "_rebuild_from_type_v2"],
  ["P52-numpy", "numpy.core.multiarray", "_reconstruct"],
];

/** Pickles that ask for what is no data, or are broken as pickles. */
export const codeRows: readonly PickleRow[] = [
  // Persistent ids.
  row("P26-no-tuple", "a text for an id", () => one([text("storage"), BINPERSID]), badPickle("pickle-storage")),
  row("P26-no-word", "an id of something else", () => one(id(text("module"), floats, text("0"), text("cpu"), int(4))), badPickle("pickle-storage")),
  row("P26-unknown-class", "an id of an unknown class", () => one(id(text("storage"), odict, text("0"), text("cpu"), int(4))), badPickle("pickle-storage")),
  row("P26-no-class", "an id whose class is a text", () => one(id(text("storage"), text("FloatStorage"), text("0"), text("cpu"), int(4))), badPickle("pickle-storage")),
  row("P26-negative", "an id with a negative length", () => one(id(text("storage"), floats, text("0"), text("cpu"), int(-4))), badPickle("pickle-storage")),
  row("P26-huge", "an id with a length of 2^120", () => one(id(text("storage"), floats, text("0"), text("cpu"), long1(16))), badPickle("pickle-storage")),
  row("P26-key", "an id whose key is a number", () => one(id(text("storage"), floats, int(0), text("cpu"), int(4))), badPickle("pickle-storage")),
  row("P26-long", "an id of seven parts", () => one(id(text("storage"), floats, text("0"), text("cpu"), int(4), [NONE], [NONE])), badPickle("pickle-storage")),
  row("P26-view", "an id with a view behind", () => one(id(text("storage"), floats, text("0"), text("cpu"), int(4), tuple(text("1"), int(0), int(2)))), badPickle("pickle-storage")),
  row("P26-twice", "one storage of two lengths", () => beside(storage("FloatStorage", "0", 5)), badPickle("pickle-storage-twice")),
  row("P26-two-types", "one storage of two types", () => beside(storage("IntStorage", "0", 4)), badPickle("pickle-storage-twice")),

  // Names that are not on the list, plain and from the stack.
  ...names.map(([id, module, name]) =>
    row(id, `asks for ${module}.${name}`, () => beside(global(module, name)), badPickle("pickle-global"), {
      says: id.includes("numpy") ? "save the dictionary of tensors alone" : "re-save as safetensors",
    }),
  ),
  ...names.slice(0, 3).map(([id, module, name]) =>
    row(`${id}-called`, `calls ${module}.${name}`, () => beside(call(global(module, name), text("1"))), badPickle("pickle-global")),
  ),
  row("P28-stack-memo", "a name from pieces of the memo", () => beside([text("builtins"), put(0), text("eval"), put(1), get(0), get(1), STACK_GLOBAL]), badPickle("pickle-global")),
  row("P28-stack-dots", "a name with dots from the stack", () => beside([shortText("torch"), shortText("os.system"), STACK_GLOBAL]), badPickle("pickle-global")),
  row("P28-stack-no-text", "a name that is no text", () => beside([int(1), text("x"), STACK_GLOBAL]), badPickle("pickle-stack")),
  row("P28-stack-line", "a module with a line's end", () => beside([text("torch\nFloatStorage"), text(""), STACK_GLOBAL]), badPickle("pickle-global")),
  row("P28-name-not-utf8", "a name that is not UTF-8", () => beside([99, 0xff, 10, 65, 10]), badPickle("pickle-text")),
  ...[[0x69, "INST"], [0x6f, "OBJ"], [0x92, "NEWOBJ_EX"], [0x82, "EXT1"], [0x83, "EXT2"], [0x84, "EXT4"], [0x50, "PERSID"], [0x97, "NEXT_BUFFER"], [0x96, "BYTEARRAY8"], [0x49, "INT"], [0x53, "STRING"], [0x30, "POP"], [0xff, "no opcode"]].map(
    ([code, name]) => row(`P29-opcode-${`${name}`.toLowerCase().replaceAll(/\W|_/g, "-")}`, `the opcode ${name}`, () => beside([code as number, 0, 0, 0, 0]), badPickle("pickle-opcode")),
  ),
  row("P29-no-proto", "a pickle without its protocol", () => raw(pickle(dict(["w", w])).subarray(2)), badPickle("pickle-opcode")),
  row("P29-protocol-9", "protocol 9", () => raw(join([0x80, 9], pickle(dict(["w", w])).subarray(2))), badPickle("pickle-protocol")),

  // Calls of what is on the list.
  row("P32-odict-arguments", "OrderedDict with an argument", () => beside(call(odict, list())), badPickle("pickle-arguments")),
  row("P32-few", "a tensor of five arguments", () => made(store, int(0), tuple(int(4)), tuple(int(1)), [FALSE]), badPickle("pickle-arguments")),
  row("P32-many", "a tensor of eight arguments", () => made(store, int(0), tuple(int(4)), tuple(int(1)), [FALSE], hooks, [NONE], [NONE]), badPickle("pickle-arguments")),
  row("P32-no-storage", "a tensor over a text", () => made(text("0"), int(0), tuple(int(4)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-offset-text", "a tensor whose offset is text", () => made(store, text("0"), tuple(int(4)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-offset-negative", "a negative offset", () => made(store, int(-1), tuple(int(4)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-offset-float", "an offset of 0.5", () => made(store, float(0.5), tuple(int(4)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-stride-negative", "a negative stride", () => made(store, int(3), tuple(int(4)), tuple(int(-1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-shape-list", "a shape that is a list", () => made(store, int(0), list(int(4)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-strides-fewer", "fewer strides than sizes", () => made(store, int(0), tuple(int(2), int(2)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-size-2-120", "a size of 2^120", () => made(store, int(0), tuple(long1(16)), tuple(int(1)), [FALSE], hooks), badPickle("pickle-arguments")),
  row("P32-hooks", "hooks that are no dictionary", () => made(store, int(0), tuple(int(4)), tuple(int(1)), [FALSE], list()), badPickle("pickle-arguments")),
  row("P32-negated", "a view that is negated", () => made(store, int(0), tuple(int(4)), tuple(int(1)), [FALSE], hooks, dict(["neg", [0x88]])), badPickle("pickle-arguments")),
  row("P32-parameter", "a parameter of a text", () => one(call(global("torch._utils", "_rebuild_parameter"), text("x"), [FALSE], hooks)), badPickle("pickle-arguments")),
  row("P32-size", "torch.Size of a text", () => beside(call(global("torch", "Size"), text("x"))), badPickle("pickle-arguments")),
  row("P32-device", "torch.device of a list", () => beside(call(global("torch", "device"), list())), badPickle("pickle-arguments")),
  row("P32-call-dtype", "a call of a dtype", () => beside(call(global("torch", "float32"))), badPickle("pickle-stack")),
  row("P32-call-storage", "a call of a class of storages", () => beside(call(floats, int(4))), badPickle("pickle-stack")),
  row("P32-call-text", "a call of a text", () => beside(call(text("eval"))), badPickle("pickle-stack")),
  row("P32-arguments-list", "arguments in a list", () => beside([odict, list(), REDUCE]), badPickle("pickle-stack")),
  row("P32-namespace-arguments", "a Namespace with arguments", () => beside([global("argparse", "Namespace"), tuple(int(1)), NEWOBJ]), badPickle("pickle-arguments")),
  row("P32-new-odict", "an object of what is made by a call", () => beside([rebuild, empty, NEWOBJ]), badPickle("pickle-stack")),
  row("P32-v3-dtype", "a tensor whose type is a class", () => one(call(global("torch._utils", "_rebuild_tensor_v3"), store, int(0), tuple(int(4)), tuple(int(1)), [FALSE], hooks, floats)), badPickle("pickle-arguments")),

  // Attributes.
  row("P33-dict", "attributes for a dictionary", () => beside([dict(), dict(["a", int(1)]), BUILD]), badPickle("pickle-build")),
  row("P33-list", "attributes for a list", () => beside([list(), dict(["a", int(1)]), BUILD]), badPickle("pickle-build")),
  row("P33-tensor", "attributes for a tensor", () => beside([w, dict(["a", int(1)]), BUILD]), badPickle("pickle-build")),
  row("P33-class", "__class__ among attributes", () => beside([orderedDict(), dict(["__class__", int(1)]), BUILD]), badPickle("pickle-build")),
  row("P33-dict-key", "__dict__ among attributes", () => beside([global("argparse", "Namespace"), empty, NEWOBJ, dict(["__dict__", int(1)]), BUILD]), badPickle("pickle-build")),
  row("P33-state-list", "attributes in a list", () => beside([orderedDict(), list(), BUILD]), badPickle("pickle-build")),
  row("P33-key-number", "an attribute named by a number", () => beside([orderedDict(), dict([int(1), int(1)]), BUILD]), badPickle("pickle-build")),

  // The stack.
  row("P34-setitem", "SETITEM on a tensor", () => beside([w, text("a"), int(1), SETITEM]), badPickle("pickle-stack")),
  row("P34-setitem-storage", "SETITEM on a storage", () => beside([store, int(0), int(1), SETITEM]), badPickle("pickle-stack")),
  row("P34-setitems-list", "SETITEMS on a list", () => beside([list(), MARK, text("a"), int(1), SETITEMS]), badPickle("pickle-stack")),
  row("P34-append-dict", "APPEND on a dictionary", () => beside([EMPTY_DICT, int(1), APPEND]), badPickle("pickle-stack")),
  row("P34-append-tuple", "APPEND on a tuple", () => beside([empty, int(1), APPEND]), badPickle("pickle-stack")),
  row("P34-appends-text", "APPENDS on a text", () => beside([text("a"), MARK, int(1), APPENDS]), badPickle("pickle-stack")),
  row("P36-underflow", "a call with nothing on the stack", () => raw(pickle([REDUCE])), badPickle("pickle-stack")),
  row("P36-empty", "STOP with nothing on the stack", () => raw(pickle()), badPickle("pickle-stack")),
  row("P36-two-values", "STOP with two values", () => raw(pickle([NONE, NONE])), badPickle("pickle-stack")),
  row("P36-stop-mark", "STOP with a MARK", () => raw(pickle([NONE, MARK])), badPickle("pickle-stack")),
  row("P36-tuple", "TUPLE without MARK", () => raw(pickle([NONE, TUPLE])), badPickle("pickle-stack")),
  row("P36-setitems", "SETITEMS without MARK", () => raw(pickle([EMPTY_DICT, text("a"), NONE, SETITEMS])), badPickle("pickle-stack")),
  row("P36-odd", "SETITEMS of three", () => raw(pickle([EMPTY_DICT, MARK, text("a"), NONE, text("b"), SETITEMS])), badPickle("pickle-stack")),
  row("P36-tuple2", "TUPLE2 of one", () => raw(pickle([NONE, TUPLE2])), badPickle("pickle-stack")),
  row("P36-across-mark", "TUPLE1 that would take a MARK", () => raw(pickle([NONE, MARK, TUPLE1])), badPickle("pickle-stack")),
  row("P36-put", "a slot for nothing", () => raw(pickle([put(0), NONE])), badPickle("pickle-stack")),
  row("P36-build", "attributes and nothing that takes them", () => raw(pickle([EMPTY_DICT, BUILD])), badPickle("pickle-build")),

  // The end.
  row("P37-no-stop", "no STOP", () => raw(pickle(dict(["w", w])).slice(0, -1)), badPickle("pickle-end")),
  row("P37-two", "two pickles", () => raw(join(pickle(dict(["w", w])), pickle(dict(["w", w])))), badPickle("pickle-after")),
  row("P37-no-bytes", "a pickle of no bytes", () => raw(new Uint8Array()), badPickle("pickle-end")),
  row("P37-cut-argument", "an argument that is cut", () => raw(Uint8Array.from([0x80, 2, 88, 9, 0, 0, 0, 65])), badPickle("pickle-end")),
  row("P37-cut-name", "a name without its line's end", () => raw(Uint8Array.from([0x80, 2, 99, 65, 66])), badPickle("pickle-end")),
  row("P37-text-4-gb", "a text of 4 GB", () => raw(Uint8Array.from([0x80, 2, 88, 255, 255, 255, 255, 65])), badPickle("pickle-end")),
  row("P37-text-2-63", "a text of 2^63 bytes", () => raw(Uint8Array.from([0x80, 4, 0x8d, 0, 0, 0, 0, 0, 0, 0, 128, 65])), badPickle("pickle-end")),
  row("P37-not-utf8", "a text that is not UTF-8", () => beside([88, 2, 0, 0, 0, 0xc0, 0x80]), badPickle("pickle-text")),
  row("P37-surrogate", "half a surrogate pair", () => beside([88, 3, 0, 0, 0, 0xed, 0xa0, 0x80]), badPickle("pickle-text")),

  // The memo.
  row("P38-unset", "a slot that was never set", () => beside([get(77)]), badPickle("pickle-memo")),
  row("P38-unset-long", "a slot of four bytes that was never set", () => beside([106, 255, 255, 255, 255]), badPickle("pickle-memo")),
  row("P38-huge", "slot 2^31 - 1", () => beside([[NONE], longPut(2 ** 31 - 1)]), badPickle("pickle-memo")),
  row("P38-million", "slot 1,000,000", () => beside([[NONE], longPut(1_000_000)]), badPickle("pickle-memo")),

  // Frames.
  row("P40-lies", "a frame longer than the pickle", () => raw(join([0x80, 4], Uint8Array.from([0x95, 0xff, 0xff, 0, 0, 0, 0, 0, 0]), pickle(dict(["w", w])).subarray(2))), badPickle("pickle-end")),
  row("P40-2-63", "a frame of 2^63 bytes", () => raw(pickle(frame(2n ** 63n), dict(["w", w]))), badPickle("pickle-end")),
  row("P40-straddles", "a frame that ends in an argument", () => raw(pickle(frame(4), dict(["w", w]))), badPickle("pickle-frame")),
  row("P40-in-frame", "a frame in a frame", () => raw(pickle(frame(100), frame(20), dict(["w", w]))), badPickle("pickle-frame")),

  // What takes time or memory without end.
  row("P41-long4", "an integer of 10 MB", () => raw(pickle(dict(["w", w], ["n", long4(10_000_000)]))), badPickle("pickle-integer")),
  row("P41-long4-lie", "an integer of 4 GB", () => beside([0x8b, 255, 255, 255, 255]), badPickle("pickle-integer")),
  row("P41-long1", "an integer of 17 bytes", () => beside(long1(17)), badPickle("pickle-integer")),
  row("P42-laughs", "a list of 2^39 leaves in a few bytes", () => beside(gathered(laughs(39, 2))), limit("pickle-limit")),
  row("P42-laughs-alone", "the same as the whole pickle", () => raw(pickle(gathered(laughs(39, 2)))), limit("pickle-limit")),
  row("P42-laughs-wide", "a list of 100^10 leaves", () => beside(gathered(laughs(10, 100))), limit("pickle-limit")),
  row("P42-itself", "a list in itself, as what is saved", () => raw(pickle([EMPTY_LIST, put(0), get(0), APPEND])), badPickle("state-none")),
  row("P44-tuples", "100,000 nested tuples", () => raw(pickle([EMPTY_TUPLE, ...Array<number>(100_000).fill(TUPLE1)])), limit("pickle-limit")),
  row("P44-marks", "100,000 MARKs", () => raw(pickle([...Array<number>(100_000).fill(MARK)])), badPickle("pickle-stack")),
  row("P44-lists-inside-out", "100,000 lists, each filled after it was put in", () => raw(pickle([EMPTY_LIST, ...Array.from({ length: 100_000 }, () => [EMPTY_LIST]).flat(), ...Array<number>(100_000).fill(APPEND)])), limit("pickle-limit")),
  row("P45-opcodes", "1,000,001 opcodes", () => raw(join([0x80, 2], new Uint8Array(1_000_000).fill(NONE), [STOP])), limit("pickle-limit")),
  row("P45-memo", "a million slots", () => raw(join([0x80, 2, NONE], new Uint8Array(1_000_000).fill(MEMOIZE), [STOP])), limit("pickle-limit")),
  row("P45-dicts", "a million dictionaries", () => raw(join([0x80, 2], new Uint8Array(1_000_000).fill(EMPTY_DICT), [STOP])), limit("pickle-limit")),
  row("P45-bytes", "a pickle of 64 MiB and a byte", () => raw(new Uint8Array((64 << 20) + 1)), limit("pickle-limit")),

  // Tensors that are no plain arrays.
  ...(
    [
      ["quantised", "torch._utils", "_rebuild_qtensor"],
      ["quantised-storage", "torch", "QInt8Storage"],
      ["sparse", "torch._utils", "_rebuild_sparse_tensor"],
      ["sparse-csr", "torch._utils", "_rebuild_sparse_csr_tensor"],
      ["complex", "torch", "ComplexFloatStorage"],
      ["nested", "torch._utils", "_rebuild_nested_tensor"],
    ] as const
  ).map(([id, module, name]) => row(`P49-${id}`, `a ${id} tensor`, () => one(global(module, name)), dtype("pickle-dtype"))),
  row("P49-float8", "a tensor of 8-bit floats", () => one(call(global("torch._utils", "_rebuild_tensor_v3"), storage("UntypedStorage", "0", 16), int(0), tuple(int(16)), tuple(int(1)), [FALSE], hooks, global("torch", "float8_e4m3fn"))), dtype("weights-dtype"), { says: "torch.float8_e4m3fn" }),
];
