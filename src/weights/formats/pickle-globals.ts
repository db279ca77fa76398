import type { FileDType } from "../dtype.ts";
import {
  type GlobalRow,
  type Inert,
  isCount,
  isType,
  type Storage,
  type StridedTensor,
  type Value,
} from "./pickle-values.ts";

/** Element types by PyTorch's names; null for those that are not read. */
const dtypes: Readonly<Record<string, FileDType | null>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float64: "F64",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  bool: "BOOL",
  float8_e4m3fn: null,
  float8_e4m3fnuz: null,
  float8_e5m2: null,
  float8_e5m2fnuz: null,
  complex32: null,
  complex64: null,
  complex128: null,
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].flatMap(bits => [`int${bits}`, `uint${bits}`].map(name => [name, null]))),
};

const storages: Readonly<Record<string, FileDType>> = {
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  DoubleStorage: "F64",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** How quantised tensors are scaled; classes that nothing is made of here. */
const schemes = [
  "per_tensor_affine",
  "per_tensor_symmetric",
  "per_channel_affine",
  "per_channel_symmetric",
  "per_channel_affine_float_qparams",
];

const inert = (open: boolean): Inert => ({ type: "inert", open });

type Call = NonNullable<GlobalRow["call"]>;

/** The counts of a shape or of strides, or undefined. */
const counts = (value: Value | undefined): readonly number[] | undefined =>
  isType(value, "tuple") && value.items.every(isCount) ? (value.items as number[]) : undefined;

/** Conjugate and negative views say so here: their numbers are not those of the storage. */
const isPlain = (metadata: Value | undefined): boolean =>
  metadata === undefined || metadata === null || (isType(metadata, "dict") && metadata.entries.length === 0);

function tensor(
  args: readonly Value[],
  at: number,
  elementType: (storage: Storage) => Pick<StridedTensor, "dtype" | "dtypeName"> | undefined,
): StridedTensor | undefined {
  const [storage, offset, size, stride, requiresGrad, hooks] = args;
  const [shape, strides] = [counts(size), counts(stride)];
  if (!isType(storage, "storage") || !isCount(offset) || shape === undefined || strides === undefined) return undefined;
  const element = elementType(storage);
  if (shape.length !== strides.length || element === undefined) return undefined;
  if (typeof requiresGrad !== "boolean" || !isType(hooks, "dict")) return undefined;
  return { type: "tensor", storage, ...element, offset, shape, strides, at };
}

/** torch._utils, the function of that name, of before version 0.4: (storage, offset, size, stride). */
const rebuild: Call = (args, at) =>
  args.length === 4
    ? rebuildV2([...args, false, { type: "dict", ordered: true, entries: [], depth: 0, leaves: 1 }], at)
    : undefined;

/** torch._utils, the functions of that name: (storage, offset, size, stride, requires_grad, hooks[, metadata]). */
const rebuildV2: Call = (args, at) =>
  (args.length === 6 || args.length === 7) && isPlain(args[6])
    ? tensor(args, at, ({ dtype }) => (dtype === null ? undefined : { dtype, dtypeName: dtype }))
    : undefined;

/** As above with the element type behind the hooks, over a storage of bytes. */
const rebuildV3: Call = (args, at) => {
  const type = args[6];
  if (args.length < 7 || args.length > 8 || !isPlain(args[7]) || !isType(type, "global")) return undefined;
  const { dtype } = type.row;
  if (dtype === undefined) return undefined;
  return tensor(args, at, storage =>
    storage.dtype === null || storage.dtype === dtype ? { dtype, dtypeName: type.name } : undefined,
  );
};

/** (data, requires_grad, hooks): a parameter is its tensor. */
const rebuildParameter: Call = ([data, requiresGrad, hooks, ...more]) =>
  isType(data, "tensor") && typeof requiresGrad === "boolean" && isType(hooks, "dict") && more.length === 0
    ? data
    : undefined;

/** The same with what else Python knows of it behind. */
const rebuildParameterWithState: Call = (args, at) =>
  args.length === 4 ? rebuildParameter(args.slice(0, 3), at) : undefined;

/** What is called with such arguments and then looked at by nobody. */
const inertCall =
  (...types: readonly ((value: Value) => boolean)[]): Call =>
  args =>
    args.length <= types.length && args.every((arg, k) => types[k]?.(arg) === true) ? inert(false) : undefined;

const isNumber = (value: Value): boolean => typeof value === "number";
const isText = (value: Value): boolean => typeof value === "string" || value instanceof Uint8Array;

/** Under its name in Python 3 and, as protocol 2 has it, in Python 2. */
const builtin = (name: string, row: GlobalRow): readonly (readonly [string, GlobalRow])[] =>
  ["builtins", "__builtin__"].map(module => [`${module}.${name}`, row]);

const refused = (what: string, ...names: readonly string[]): readonly (readonly [string, GlobalRow])[] =>
  names.map(name => [name, { refused: what }]);

const rows: readonly (readonly [name: string, row: GlobalRow])[] = [
  [
    "collections.OrderedDict",
    { call: args => (args.length > 0 ? undefined : { type: "dict", ordered: true, entries: [], depth: 0, leaves: 1 }) },
  ],
  ["torch._utils._rebuild_tensor", { call: rebuild }],
  ["torch._utils._rebuild_tensor_v2", { call: rebuildV2 }],
  ["torch._utils._rebuild_tensor_v3", { call: rebuildV3 }],
  ["torch._utils._rebuild_parameter", { call: rebuildParameter }],
  ["torch._utils._rebuild_parameter_with_state", { call: rebuildParameterWithState }],
  ["torch.Size", { call: args => (args.length === 1 && counts(args[0]) !== undefined ? args[0] : undefined) }],
  [
    "torch.device",
    {
      call: ([kind, index, ...more]) =>
        typeof kind === "string" && (index === undefined || isCount(index)) && more.length === 0
          ? inert(false)
          : undefined,
    },
  ],
  ["argparse.Namespace", { create: () => inert(true) }],
  ["collections.Counter", { call: inertCall(value => isType(value, "dict")) }],
  ...builtin("set", { call: inertCall(value => isType(value, "list")) }),
  ...builtin("complex", { call: inertCall(isNumber, isNumber) }),
  ...builtin("bytearray", { call: inertCall(isText, isText) }),
  ...["torch.Tensor", "torch.nn.parameter.Parameter", ...schemes.map(name => `torch.${name}`)].map(
    name => [name, {}] as const,
  ),
  ...Object.entries(storages).map(([name, storage]) => [`torch.${name}`, { storage }] as const),
  ["torch.UntypedStorage", { storage: null }],
  ["torch.storage.UntypedStorage", { storage: null }],
  ["torch.storage._UntypedStorage", { storage: null }],
  ...Object.entries(dtypes).map(([name, dtype]) => [`torch.${name}`, { dtype }] as const),
  ...refused(
    "a quantised tensor",
    "torch._utils._rebuild_qtensor",
    ...["QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage"].map(n => `torch.${n}`),
  ),
  ...refused(
    "a sparse tensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_sparse_csr_tensor",
    "torch.serialization._get_layout",
  ),
  ...refused("a complex tensor", "torch.ComplexFloatStorage", "torch.ComplexDoubleStorage"),
  ...refused("a nested tensor", "torch._utils._rebuild_nested_tensor"),
];

/**
 * The allow-list: every class and function that a pickle may name, and what is then done, in our own words. No name
 * is looked up anywhere else. Arguments are those of torch/_utils.py and torch/serialization.py.
 */
const allowed: ReadonlyMap<string, GlobalRow> = new Map(rows);

/** A name has exactly one way to be cut into module and name: after the last dot of the whole. */
export const findGlobal = (module: string, name: string): GlobalRow | undefined =>
  name.includes(".") ? undefined : allowed.get(`${module}.${name}`);

/** For the fuzz test: nothing else may ever come out of a pickle. */
export const allowedGlobals: readonly string[] = [...allowed.keys()];
