import type { DiagnosticCode } from "../../src/diagnostics/messages.ts";
import {
  BINPERSID,
  BUILD,
  type Code,
  call,
  dict,
  EMPTY_TUPLE,
  FALSE,
  float,
  global,
  int,
  list,
  MARK,
  NEWOBJ,
  NONE,
  orderedDict,
  pickle,
  SETITEM,
  storage,
  TRUE,
  tensor,
  text,
  torchZip,
  tuple,
} from "../support/pickle-writer.ts";
import { modelEntries, modelRecords } from "./pickle-build.ts";

/** A checkpoint whose weights have known names, with what people have beside them, and how it is to be read. */
export interface BesideRow {
  readonly id: string;
  readonly title: string;
  readonly bytes: () => Uint8Array;
  readonly key?: string;
  /** Null where the weights are read, all 0.5; else why not. */
  readonly code: DiagnosticCode | null;
  /** Parts of what is said. */
  readonly says: readonly string[];
}

export const model = dict(...modelEntries());
const other = tensor({ key: "17", shape: [2] });
const strangers = dict(["w", other], ["v", other]);
const saved = (...entries: readonly (readonly [string, Code])[]): Uint8Array => torchZip(pickle(dict(...entries)), modelRecords());

const row = (
  id: string,
  title: string,
  entries: readonly (readonly [string, Code])[],
  says: readonly string[],
  more: Partial<Pick<BesideRow, "key" | "code">> = {},
): BesideRow => ({ id, title, bytes: () => saved(...entries), code: null, says, ...more });

const made = (module: string, name: string, ...args: readonly Code[]): Code => call(global(module, name), ...args);
const latin = (written: string): Code => made("_codecs", "encode", text(written), text("latin1"));
const object = (module: string, name: string, state: Code): Code => [
  [global(module, name), EMPTY_TUPLE, NEWOBJ],
  state,
  [BUILD],
];
const dtype: Code = [
  made("numpy", "dtype", text("f8"), [FALSE], [TRUE]),
  tuple(int(3), text("<"), [NONE], [NONE], [NONE], int(-1), int(-1), int(0)),
  [BUILD],
];
const scalar = made("numpy.core.multiarray", "scalar", dtype, latin("\u0000\u00f0?"));
const array: Code = [
  made("numpy.core.multiarray", "_reconstruct", global("numpy", "ndarray"), tuple(int(0)), latin("b")),
  tuple(int(1), tuple(int(2)), dtype, [FALSE], latin("x")),
  [BUILD],
];

/** Objects that training scripts keep, and what of them is not on the list. */
export const objects: readonly (readonly [what: string, code: Code, foreign: string | null])[] = [
  ["a Counter of MultiStepLR", made("collections", "Counter", dict([int(10), int(1)])), null],
  ["an empty Counter", made("collections", "Counter"), null],
  ["a set", made("__builtin__", "set", list(int(1), int(2))), null],
  ["a set as protocol 4 writes it", [0x8f, MARK, int(1), text("a"), 0x90], null],
  ["a frozen set of it", [MARK, int(1), 0x91], null],
  ["a set with a number of numpy", [0x8f, MARK, made("numpy", "float64", int(1)), 0x90], "numpy.float64"],
  ["a bytearray", made("__builtin__", "bytearray", text("x"), text("latin-1")), null],
  ["a complex number", made("builtins", "complex", float(1), float(2)), null],
  ["a class of tensors", global("torch", "Tensor"), null],
  ["the class of parameters", global("torch.nn.parameter", "Parameter"), null],
  ["a scheme of quantisation", global("torch", "per_channel_affine"), null],
  ["a dtype of 4 bits", global("torch", "uint4"), null],
  ["a tensor of 2017", made("torch._utils", "_rebuild_tensor", storage("FloatStorage", "17", 2), int(0), tuple(int(2)), tuple(int(1))), null],
  ["a parameter with a state", made("torch._utils", "_rebuild_parameter_with_state", other, [TRUE], orderedDict(), dict(["a", int(1)])), null],
  ["a number of numpy", scalar, "numpy.core.multiarray.scalar"],
  ["an array of numpy", array, "numpy.core.multiarray._reconstruct"],
  ["bytes", latin("abc"), "_codecs.encode"],
  ["a layout", made("torch.serialization", "_get_layout", text("torch.strided")), "torch.serialization._get_layout"],
  ["a quantised tensor", made("torch._utils", "_rebuild_qtensor", storage("QInt8Storage", "404", 4)), "torch._utils._rebuild_qtensor"],
  ["a tensor with attributes", made("torch._tensor", "_rebuild_from_type_v2", global("torch._utils", "_rebuild_tensor_v2"), global("torch", "Tensor"), tuple(), [NONE]), "torch._tensor._rebuild_from_type_v2"],
  ["mmengine's HistoryBuffer", object("mmengine.logging.history_buffer", "HistoryBuffer", dict(["_log_history", array], ["_max_length", int(9)])), "mmengine.logging.history_buffer.HistoryBuffer"],
  ["omegaconf's DictConfig", object("omegaconf.dictconfig", "DictConfig", dict(["_content", dict(["lr", float(1)])])), "omegaconf.dictconfig.DictConfig"],
  ["a partial of functools", [made("functools", "partial", global("torch.nn", "GELU")), tuple(global("torch.nn", "GELU"), tuple(), dict(), [NONE]), [BUILD]], "functools.partial"],
  ["a device of somebody's own", made("torch", "device", made("acme", "Kind", text("npu"))), "acme.Kind"],
  ["a path", made("pathlib", "PosixPath", text("/"), text("data")), "pathlib.PosixPath"],
  ["a time", made("datetime", "datetime", latin("x")), "datetime.datetime"],
  ["a defaultdict", [made("collections", "defaultdict", global("builtins", "int")), text("a"), int(1), SETITEM], "collections.defaultdict"],
  ["a whole module", object("timm.models.convnext", "ConvNeXt", dict(["training", [TRUE]], ["_parameters", dict(["w", other])])), "timm.models.convnext.ConvNeXt"],
  ["a call of the system", made("os", "system", text("true")), "os.system"],
  ["code", made("builtins", "eval", text("1")), "builtins.eval"],
  ["a storage of a class of its own", [tuple(text("storage"), global("apex", "Storage"), text("404"), text("cpu"), int(2)), BINPERSID], "apex.Storage"],
];

const prefixed = (prefix: string): Code => dict(...modelEntries().map(([name, code]) => [prefix + name, code] as const));
const [firstName = ""] = modelEntries()[0] ?? [];
const weightsBut = (code: Code): Code => dict([firstName, code], ...modelEntries().slice(1));

/** Where the weights are, and what may stand beside them: groups P and W of the list of bad inputs. */
export const besideCorpus: readonly BesideRow[] = [
  ...objects.flatMap(([what, code, foreign], k) => [
    row(`P48-object-${k}`, `${what} beside the weights`, [["best", code], ["state_dict", model]], ["'best' beside the weights under 'state_dict' is not read", ...(foreign === null ? [] : [`nothing is made of ${foreign}`])]),
    row(`P48-object-${k}-deep`, `${what} in a list in a dictionary beside them`, [["model", model], ["log", dict(["a", list(dict(["b", tuple(int(1), code)]), int(3))])]], ["'log' beside the weights under 'model' is not read"]),
  ]),
  row("P48-object-among", "a number of numpy among the weights", [...modelEntries(), ["best", scalar]], ["'best' beside the weights is not read", "numpy.dtype"]),
  row("P48-object-for-weight", "a quantised tensor for a weight", [["model", weightsBut(made("torch._utils", "_rebuild_qtensor", int(1)))]], ["a quantised tensor"], { code: "pickle-dtype" }),
  row("P48-code-for-weight", "what somebody's code would make for a weight", [["model", weightsBut(made("os", "system", text("true")))]], ["'os.system'", "never run"], { code: "pickle-global" }),
  row("P48-code-and-strangers", "unknown names, and what could not be made", [["net", strangers], ["model", object("a", "Model", dict())]], ["'a.Model'", "--key net"], { code: "pickle-global" }),
  row("P48-code-and-key", "the same, and a key to look under", [["net", model], ["model", object("a", "Model", dict())]], ["'model' beside the weights under 'net'"], { key: "net" }),
  // Which dictionary.
  row("P48-tensor-beside", "a metric that is a tensor beside the weights", [["best_acc1", other], ["state_dict", model]], ["'best_acc1'"]),
  row("P48-order", "another dictionary of tensors under a key that is preferred", [["model", strangers], ["net", model]], ["'model' beside the weights under 'net'"]),
  row("P48-nested", "weights three keys down", [["state", dict(["models", dict(["encoder", model], ["lr", int(1)])], ["it", int(2)])], ["epoch", int(3)]], ["'epoch', 'state.it', 'state.models.lr' beside the weights under 'state.models.encoder' are not read"]),
  row("P48-average", "weights and their average", [["model_ema", model], ["model", model]], ["'model_ema' beside the weights under 'model'", "--key model_ema takes the tensors under that key"]),
  row("P48-average-asked", "the average, asked for", [["model_ema", prefixed("")], ["model", strangers]], ["'model' beside the weights under 'model_ema'"], { key: "model_ema" }),
  row("P48-wrapped", "a dictionary whose names are wrapped, beside unknown ones", [["model", strangers], ["state_dict", prefixed("module.")]], ["every tensor name begins with 'module.'", "--strip-prefix module."], { code: "weights-prefix" }),
  // Keys.
  row("P46-no-key", "a key that is not there", [["model", model], ["params_ema", model]], ["under 'param_ema', did you mean 'params_ema'?", "--key model, --key params_ema take"], { key: "param_ema", code: "state-no-key" }),
  row("P46-no-tensors", "a key without tensors under it", [["model", model], ["optimizer", dict(["lr", int(1)])]], ["no dictionary of tensors is under 'optimizer'"], { key: "optimizer", code: "state-no-key" }),
  row("P46-key-of-list", "a key of a list", [["model", model], ["log", list(other)]], ["under 'log'"], { key: "log", code: "state-no-key" }),
  row("P46-key-deep", "a key of several levels", [["a", dict(["b.c", model])], ["model", strangers]], ["under 'a.b.c'"], { key: "a.b.c" }),
  row("P46-key-too-deep", "a key of more levels than are looked at", [["a", dict(["b", dict(["c", dict(["d", dict(["e", model])])])])]], ["under 'a.b.c.d.e'"], { key: "a.b.c.d.e", code: "state-no-key" }),
  row("P46-key-empty", "an empty key", [["model", model]], ["under ''"], { key: "", code: "state-no-key" }),
];
