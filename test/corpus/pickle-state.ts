import { elements } from "../../src/weights/tensor.ts";
import {
  BUILD,
  bytesOf,
  type Code,
  call,
  dict,
  EMPTY_TUPLE,
  FALSE,
  float,
  frame,
  global,
  int,
  legacyTorch,
  list,
  long1,
  NEWOBJ,
  NONE,
  orderedDict,
  pickle,
  put,
  get,
  SETITEM,
  STACK_GLOBAL,
  shortText,
  storage,
  TRUE,
  tensor,
  text,
  torchZip,
  tuple,
} from "../support/pickle-writer.ts";
import {
  badPickle,
  dtype,
  dup,
  filled,
  limit,
  modelEntries,
  modelRecords,
  modelZip,
  offset,
  one,
  outcome,
  type PickleRow,
  raw,
  row,
  size,
  w,
  warn,
} from "./pickle-build.ts";
import { corpusParams } from "./safetensors.ts";
import { extra, join } from "./safetensors-build.ts";

const small = (shape: readonly number[], more: Partial<Parameters<typeof tensor>[0]> = {}): Code =>
  tensor({ key: "0", shape, length: 4, ...more });
const count = corpusParams.reduce((sum, { shape }) => sum + elements(shape), 0);
/** All tensors in one storage, one behind the other; where they can, turned. */
const shared = (): Uint8Array => {
  let at = 0;
  const entries = corpusParams.map(({ name, shape }) => {
    const begin = at;
    at += elements(shape);
    const turned = shape.length === 2 ? { strides: [1, shape[0] ?? 1] } : {};
    return [name, tensor({ key: "7", shape, offset: begin, length: count, ...turned })] as const;
  });
  return torchZip(pickle(orderedDict(...entries)), { 7: filled(count) });
};
const parameter = (code: Code): Code =>
  call(global("torch._utils", "_rebuild_parameter"), code, [TRUE], orderedDict());
const model = dict(...modelEntries());
const optimizer = dict(
  ["state", dict([int(0), dict(["step", int(5)], ["exp_avg", tensor({ key: "0", shape: [2, 1, 4, 4] })])])],
  ["param_groups", list(dict(["lr", float(1e-3)], ["betas", tuple(float(0.9), float(0.95))], ["params", list(int(0))]))],
);
const namespace: Code = [
  [global("argparse", "Namespace"), EMPTY_TUPLE, NEWOBJ],
  dict(
    ["lr", float(1e-3)],
    ["device", call(global("torch", "device"), text("cuda"), int(0))],
    ["dtype", global("torch", "float16")],
    ["shape", call(global("torch", "Size"), tuple(int(1), int(2)))],
    ["nothing", [NONE]],
    ["big", long1(9)],
  ),
  [BUILD],
];
/** As `nn.Module.state_dict` returns it: a version for every module beside the tensors. */
const withVersions = (dictionary: Code): Code => [
  dictionary,
  dict(["_metadata", orderedDict(["", dict(["version", int(1)])])]),
  [BUILD],
];
const legacyStorages = corpusParams.map(
  ({ shape }, k) => [`${k}`, elements(shape), filled(elements(shape))] as const,
);
const legacyModel = orderedDict(...modelEntries("FloatStorage", true));
const legacy = (options?: Parameters<typeof legacyTorch>[2]): Uint8Array =>
  legacyTorch(legacyModel, legacyStorages, options);
const tiny = (code: Code, lengths: readonly number[] = [4]): Uint8Array =>
  legacyTorch(dict(["w", code]), lengths.map((n, k) => [`${k}`, n, new Uint8Array(16)] as const));

/** Controls, where the weights lie in what was saved, and tensors that their storages do not hold. */
export const stateRows: readonly PickleRow[] = [
  row("P01-ordered", "an OrderedDict as torch.save writes it", () => modelZip(), null),
  row("P01-versions", "with the versions of its modules", () => torchZip(pickle(withVersions(orderedDict(...modelEntries()))), modelRecords()), null),
  row("P01-dict", "a plain dictionary, no zip64 record", () => torchZip(pickle(model), modelRecords(), { zip64: false }), null),
  row("P01-f16", "16-bit floats", () => torchZip(pickle(dict(...modelEntries("HalfStorage"))), modelRecords([0, 0x38])), null),
  row("P01-bf16", "bfloat16", () => torchZip(pickle(dict(...modelEntries("BFloat16Storage"))), modelRecords([0, 0x3f])), null),
  row("P01-new", "with what newer versions put beside", () => modelZip({ more: [["byteorder", "little"], [".format_version", "1"], [".storage_alignment", "64"], [".data/serialization_id", "123"]].map(([name, data]) => ({ name: `archive/${name}`, data: new TextEncoder().encode(data), descriptor: true })) }), null),
  row("P01-root", "a folder of another name, with blanks and dots", () => modelZip({ root: "best model.v2" }), null),
  row("P01-wide", "records with 64-bit sizes behind them", () => modelZip({ more: [{ name: "archive/data/99", data: new Uint8Array(8), descriptor: true, wide: true }] }), null),
  row("P01-ones", "an end record that leaves all to its zip64 form", () => modelZip({ end: { size: 0xffffffff, at: 0xffffffff } }), null),
  row("P01-protocol-4", "protocol 4: a frame, names from the stack, texts from the memo", () => {
    const type = (module: Code, name: string): Code => [module, shortText(name), STACK_GLOBAL];
    const saved = dict(["model", model], ["a", type([shortText("torch"), put(0)], "float16")], ["b", type(get(0), "float32")]);
    const body = pickle(saved).subarray(2);
    return torchZip(join([0x80, 4], bytesOf(frame(body.length)), body), modelRecords());
  }, warn("state-ignored")),
  row("P02-shared", "one storage for all, matrices turned", shared, null),
  row("P02-parameters", "parameters", () => torchZip(pickle(dict(...modelEntries().map(([name, code]) => [name, parameter(code)] as const))), modelRecords()), null),
  row("P02-tied", "two names for one tensor", () => torchZip(pickle(dict(...modelEntries(), ["extra", tensor({ key: "17", shape: [2] })])), modelRecords()), null, { bound: extra }),
  row("P02-scalar", "a tensor of no dimensions", () => torchZip(pickle(dict(...modelEntries(), ["scalar", tensor({ key: "17", shape: [], offset: 1, length: 2 })])), modelRecords()), null, { bound: extra }),
  row("P02-no-data", "a tensor without elements", () => torchZip(pickle(dict(...modelEntries(), ["none", tensor({ key: "99", shape: [0, 3] })])), { ...modelRecords(), 99: new Uint8Array() }), null, { bound: extra }),
  row("P02-untyped", "tensors over storages of bytes", () =>
    torchZip(
      pickle(dict(...corpusParams.map(({ name, shape }, k) => {
        const store = storage("UntypedStorage", `${k}`, 4 * elements(shape));
        const strides = shape.map((_, i) => elements(shape.slice(i + 1)));
        return [name, call(global("torch._utils", "_rebuild_tensor_v3"), store, int(0), tuple(...shape.map(int)), tuple(...strides.map(int)), [FALSE], orderedDict(), global("torch", "float32"))] as const;
      }))),
      modelRecords(),
    ), null),
  row("P02-names", "names that mean something to JavaScript", () => torchZip(pickle(dict(...modelEntries(), ...["__proto__", "constructor", ""].map(name => [name, tensor({ key: "17", shape: [2] })] as const))), modelRecords()), null, { bound: extra }),

  // What PyTorch wrote before 1.6.
  row("P05b-legacy", "five pickles and the storages behind them", () => legacy(), null),
  row("P05b-order", "storages in another order than the pickle's", () => legacyTorch(legacyModel, legacyStorages.toReversed()), null),
  row("P05b-checkpoint", "with an optimizer beside", () => legacyTorch(dict(["epoch", int(3)], ["model", dict(...modelEntries("FloatStorage", true))]), legacyStorages), warn("state-ignored")),
  row("P05b-long", "pickles of more than 1 MiB", () => legacyTorch(dict(["model", dict(...modelEntries("FloatStorage", true))], ["note", text("x".repeat(3_000_000))]), legacyStorages), warn("state-ignored")),
  row("P05b-protocol", "another protocol", () => legacy({ protocol: 1000 }), badPickle("pickle-legacy")),
  row("P05b-big-endian", "a big-endian machine", () => legacy({ littleEndian: false }), badPickle("pickle-legacy")),
  row("P05b-keys-fewer", "a key too few", () => legacy({ keys: legacyStorages.slice(1).map(([key]) => key) }), badPickle("pickle-legacy")),
  row("P05b-keys-twice", "a key twice", () => legacy({ keys: ["0", ...legacyStorages.map(([key]) => key)] }), badPickle("pickle-legacy")),
  row("P05b-keys-unknown", "a key of nothing", () => legacy({ keys: ["nobody"] }), badPickle("pickle-legacy")),
  row("P05b-cut", "the last byte cut off", () => legacy().subarray(0, -1), outcome("E_W_TRUNC")("weights-truncated")),
  row("P05b-cut-in-pickle", "cut inside the pickles", () => legacy().subarray(0, 500), badPickle("pickle-end")),
  row("P05b-behind", "a byte behind the last storage", () => join(legacy(), [0]), size("weights-trailing")),
  row("P05b-magic-only", "the magic number alone", () => legacy().subarray(0, 15), badPickle("pickle-end")),
  row("P05b-length", "another length in front of a storage than in the pickle", () => tiny(tensor({ key: "0", shape: [4], legacy: true }), [3]), size("storage-size")),
  row("P05b-view", "a storage that views another", () => tiny(call(global("torch._utils", "_rebuild_tensor_v2"), storage("FloatStorage", "0", 4, tuple(text("1"), int(0), int(2))), int(0), tuple(int(4)), tuple(int(1)), [FALSE], orderedDict())), badPickle("pickle-storage")),
  row("P05b-code", "a name that is not on the list", () => tiny(global("os", "system")), badPickle("pickle-global")),

  // Storages and views.
  row("P20-short", "a record shorter than its storage", () => one(w, new Uint8Array(15)), size("storage-size")),
  row("P20-empty", "a record of no bytes", () => one(w, new Uint8Array()), size("storage-size")),
  row("P21-long", "a record longer than its storage", () => one(w, new Uint8Array(20)), size("storage-size")),
  row("P22-size", "a view with too many elements", () => one(small([5])), offset("view-range")),
  row("P22-offset", "a view that begins too late", () => one(small([4], { offset: 1 })), offset("view-range")),
  row("P22-stride", "a view with too wide a stride", () => one(small([2, 2], { strides: [3, 1] })), offset("view-range")),
  row("P22-offset-huge", "an offset of 2^53 - 1", () => one(small([1], { offset: Number.MAX_SAFE_INTEGER })), offset("view-range")),
  row("P22-stride-huge", "strides of 2^53 - 1", () => one(small([2, 2], { strides: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] })), offset("view-range")),
  row("P22-sizes-wrap", "sizes whose product wraps to 0 in 64 bits", () => one(small([2 ** 32, 2 ** 32], { strides: [2 ** 32, 1] })), offset("view-range")),
  row("P22-empty-late", "no elements, beyond the storage", () => one(small([0], { offset: 5 })), offset("view-range")),
  row("P24-expand", "a billion elements of one", () => one(small([1e9], { strides: [0] })), limit("view-repeats")),
  row("P24-expand-2-100", "2^100 elements of one", () => one(small([2 ** 50, 2 ** 50], { strides: [0, 0] })), limit("view-repeats")),
  row("P24-rank", "nine dimensions", () => one(small([1, 1, 1, 1, 1, 1, 1, 1, 1])), limit("weights-limit-rank")),
  row("P25-key", "a key that leaves the folder", () => one(tensor({ key: "../x", shape: [4] })), outcome("E_W_ZIP")("zip-no-record")),
  row("P25-key-twice-up", "a key that names the pickle", () => one(tensor({ key: "../data.pkl", shape: [4] })), outcome("E_W_ZIP")("zip-no-record")),

  // Where the weights are.
  row("P46-number", "a number for a name", () => torchZip(pickle(dict(["w", w], [int(3), w])), { 0: new Uint8Array(16) }), dup("state-key")),
  row("P46-none", "None for a name", () => torchZip(pickle(dict(["w", w], [[NONE], w])), { 0: new Uint8Array(16) }), dup("state-key")),
  row("P46-twice", "a name twice", () => torchZip(pickle(dict(["w", w], ["w", w])), { 0: new Uint8Array(16) }), dup("state-key-twice")),
  row("P46-model-twice", "two dictionaries under model", () => torchZip(pickle(dict(["model", dict(["w", w])], ["model", dict(["w", w])])), { 0: new Uint8Array(16) }), dup("state-key-twice")),
  row("P46-numbers-elsewhere", "numbers for names in an optimizer's state", () => torchZip(pickle(dict(["optimizer", optimizer], ["model", model])), modelRecords()), warn("state-ignored")),
  row("P46-list", "a list of tensors", () => raw(pickle(list(w))), badPickle("state-none")),
  row("P46-tensor", "a tensor alone", () => raw(pickle(w)), badPickle("state-none")),
  row("P46-no-dictionary", "a dictionary without tensors", () => raw(pickle(dict(["model", dict(["a", int(1)])]))), badPickle("state-none"), { says: "model.state_dict()" }),
  row("P46-elsewhere", "weights under a name of somebody's own", () => raw(pickle(dict(["my_weights", dict(["w", w])]))), badPickle("state-none")),
  row("P46-many", "65,537 tensors", () => raw(pickle([orderedDict(["first", [w, put(9)]]), ...Array.from({ length: 65_536 }, (_, k) => [text(`t${k}`), get(9), [SETITEM]])])), limit("weights-limit-tensors")),
  ...["model", "state_dict", "model_state_dict", "module", "model_ema", "state_dict_ema", "ema"].map(under =>
    row(`P48-under-${under.replaceAll("_", "-")}`, `weights under ${under}, alone`, () => torchZip(pickle(dict([under, model])), modelRecords()), null),
  ),
  row("P48-training", "optimizer, epoch and Namespace beside the weights", () => torchZip(pickle(dict(["model", model], ["optimizer", optimizer], ["epoch", int(9)], ["args", namespace], ["scaler", dict()])), modelRecords()), warn("state-ignored"), { says: "'optimizer', 'epoch', 'args', 'scaler' beside the weights under 'model' are not read" }),
  row("P48-ema", "an average of the weights beside them", () => torchZip(pickle(dict(["model_ema", dict(["w", tensor({ key: "17", shape: [2] })])], ["model", model])), modelRecords()), warn("state-ignored"), { says: "'model_ema'" }),
  row("P48-mixed", "other values in the dictionary of tensors", () => torchZip(pickle(dict(...modelEntries(), ["epoch", int(3)])), modelRecords()), warn("state-ignored"), { says: "'epoch' beside the weights is not read" }),
  row("P48-broken-optimizer", "an optimizer's tensor without a record, which nobody looks for", () => torchZip(pickle(dict(["model", model], ["optimizer", dict(["a", tensor({ key: "404", shape: [9] })])])), modelRecords()), warn("state-ignored")),
  row("P48-many", "a hundred things beside", () => torchZip(pickle(dict(["model", model], ...Array.from({ length: 100 }, (_, k) => [`x${k}`, int(k)] as const))), modelRecords()), warn("state-ignored"), { says: "and 95 more" }),
  row("P50-int64", "int64 where floats are due", () => torchZip(pickle(dict(...modelEntries("LongStorage"))), modelRecords([1, 0, 0, 0, 0, 0, 0, 0])), null, { bound: dtype("weights-dtype") }),
  row("P50-f64", "float64 where a float32 is due", () => torchZip(pickle(dict(...modelEntries("DoubleStorage"))), modelRecords([0, 0, 0, 0, 0, 0, 0xe0, 0x3f])), null, { bound: dtype("weights-dtype") }),
  row("W06-module-prefix", "the names of DataParallel", () => torchZip(pickle(dict(...modelEntries().map(([name, code]) => [`module.${name}`, code] as const))), modelRecords()), null, { bound: outcome("E_W_MISSING")("weights-prefix") }),
];
