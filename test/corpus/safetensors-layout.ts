import {
  bad,
  corpusParams,
  count,
  data,
  dtype,
  entry,
  file,
  header,
  integer,
  join,
  limit,
  nothing,
  offset,
  offsets,
  one,
  row,
  rowsOf,
  shape,
  size,
  syntax,
  trunc,
  two,
  type,
  whole,
  wrongSize,
  type SafetensorsRow,
} from "./safetensors-build.ts";

/** Headers that are text as it should be, of tensors that cannot lie so. */
export const layoutRows: readonly SafetensorsRow[] = [
  // Where tensors lie.
  row("F25-same-bytes", "two tensors on the same bytes", () => two([0, 4], [0, 4], 4), offset("weights-overlap")),
  row("F26-overlap", "two tensors that overlap", () => two([0, 4], [2, 6], 6), offset("weights-overlap")),
  row("F26-inside", "a tensor without data inside another", () => two([0, 4], [2, 2], 4), offset("weights-overlap")),
  row("F26-gap", "bytes between two tensors", () => two([0, 4], [5, 9], 9), offset("weights-gap")),
  row("F26-gap-at-start", "bytes before the first tensor", () => two([1, 2], [2, 3], 3), offset("weights-gap")),
  row("F28-trailing", "bytes after the last tensor", () => join(whole, "PK"), wrongSize("weights-trailing")),
  row("F28-data-without-tensors", "data and no tensors", () => file("{}", [1, 2, 3]), wrongSize("weights-trailing")),
  row("F29-cut-1", "the last byte cut off", () => whole.subarray(0, -1), trunc("weights-tensor-truncated")),
  row("F29-cut-half", "half of the file", () => whole.subarray(0, whole.length / 2), trunc("weights-truncated")),
  row("F29-cut-all-data", "no data at all", () => file(header), trunc("weights-tensor-truncated")),
  row("F29-cut-length", "the first 5 bytes", () => whole.subarray(0, 5), trunc("weights-truncated")),
  row(
    "F30-backwards",
    "a tensor that ends before it begins",
    () => one(`${type},${shape},"data_offsets":[4,0]`),
    offset("weights-offset-order"),
  ),
  ...["0.0", "0e0", "-0", "-1", "+0", "00", "0x0", "1E400", '"0"', "null", "[0]", "true"].map((token, k) =>
    row(
      `F32-offset-form-${k}`,
      `an offset of ${token}`,
      () => one(`${type},${shape},"data_offsets":[${token},4]`),
      /^(-1|-0|0\.0|0e0|1E400)$/.test(token) ? integer : syntax,
    ),
  ),
  row(
    "F32-offset-4e0",
    "an offset of 4e0, which JSON.parse makes 4",
    () => one(`${type},${shape},"data_offsets":[0,4e0]`),
    integer,
  ),
  row(
    "F33-offset-2-53",
    "an offset of 2^53 + 1, which JavaScript rounds",
    () => one(`${type},${shape},"data_offsets":[9007199254740993,9007199254740997]`),
    offset("weights-offset-range"),
  ),
  row(
    "F33-offset-2-64",
    "an offset of 2^64 + 4",
    () => one(`${type},${shape},"data_offsets":[0,18446744073709551620]`),
    offset("weights-offset-range"),
  ),
  row(
    "F33-offset-just-safe",
    "an offset of 2^53 - 1",
    () => one(`${type},${shape},"data_offsets":[9007199254740987,9007199254740991]`),
    offset("weights-gap"),
  ),
  ...["[]", "[0]", "[0,4,4]", "[0,4,]"].map((token, k) =>
    row(
      `F34-offsets-${k}`,
      `data_offsets of ${token}`,
      () => one(`${type},${shape},"data_offsets":${token}`),
      token.endsWith(",]") ? bad("weights-header-offsets") : bad("weights-header-offsets"),
    ),
  ),
  row("F34-offsets-text", "data_offsets in text", () => one(`${type},${shape},"data_offsets":"0,4"`), syntax),

  // Shapes.
  row("F36-negative", "a negative dimension", () => one(`${type},"shape":[-1],${offsets}`), integer),
  row("F36-fraction", "a fractional dimension", () => one(`${type},"shape":[1.5],${offsets}`), integer),
  row(
    "F36-million-dims",
    "a million dimensions of 1",
    () => one(`${type},"shape":[${"1,".repeat(999_999)}1],${offsets}`),
    limit("weights-limit-rank"),
  ),
  row(
    "F36-nine-dims",
    "nine dimensions",
    () => one(`${type},"shape":[1,1,1,1,1,1,1,1,1],${offsets}`),
    limit("weights-limit-rank"),
  ),
  row("F36-eight-dims", "eight dimensions", () => one(`${type},"shape":[1,1,1,1,1,1,1,1],${offsets}`), null, nothing),
  row(
    "F37-product-wraps",
    "dimensions whose product is 2^64",
    () => one(`${type},"shape":[4294967296,4294967296],"data_offsets":[0,0]`, []),
    wrongSize("weights-size"),
  ),
  row(
    "F37-bytes-wrap",
    "a byte count of 2^64",
    () => one(`${type},"shape":[4611686018427387904],"data_offsets":[0,0]`, []),
    wrongSize("weights-shape-range"),
  ),
  row(
    "F37-too-small",
    "offsets that span less than the shape needs",
    () => one(`${type},"shape":[2],${offsets}`),
    wrongSize("weights-size"),
  ),
  row(
    "F37-too-large",
    "offsets that span more than the shape needs",
    () => one(`"dtype":"F16",${shape},${offsets}`),
    wrongSize("weights-size"),
  ),
  row(
    "F37-huge-times-zero",
    "a dimension of 0 beside a large one",
    () => one(`${type},"shape":[0,9007199254740991],"data_offsets":[0,0]`, []),
    null,
    nothing,
  ),
  row("F38-no-shape", "no shape", () => one(`${type},${offsets}`), bad("weights-header-field")),
  row("F38-no-dtype", "no dtype", () => one(`${shape},${offsets}`), bad("weights-header-field")),
  row("F38-no-offsets", "no data_offsets", () => one(`${type},${shape}`), bad("weights-header-field")),
  row("F38-empty-entry", "a tensor without fields", () => one(""), bad("weights-header-field")),
  ...["null", "[]", "1", '"F32"'].map((token, k) =>
    row(`F38-entry-${k}`, `a tensor that is ${token}`, () => file(`{"w":${token}}`), syntax),
  ),
  row("F38-metadata-number", "a number as metadata", () => file('{"__metadata__":{"a":1}}'), syntax),
  row("F38-metadata-list", "metadata that is a list", () => file('{"__metadata__":[]}'), syntax),

  // Element types.
  ...["F8_E4M3", "F8_E5M2", "F6_E2M3", "F4", "C64", "f32", "F33", "", "__proto__", "toString"].map((name, k) =>
    row(
      `F40-dtype-${k}`,
      `dtype ${JSON.stringify(name)}`,
      () => one(`"dtype":${JSON.stringify(name)},${shape},${offsets}`),
      dtype("weights-dtype"),
    ),
  ),
  row("F40-dtype-number", "a dtype that is no text", () => one(`"dtype":5,${shape},${offsets}`), syntax),
  ...(["F64", "I64", "I32", "I8", "BOOL"] as const).map(name => {
    const width = { F64: 8, I64: 8, I32: 4, I8: 1, BOOL: 1 }[name];
    return row(
      `W10-${name.toLowerCase()}`,
      `all weights as ${name}`,
      () => file(`{${rowsOf(corpusParams, name, width).join(",")}}`, new Uint8Array(count * width)),
      null,
      dtype("weights-dtype"),
    );
  }),
];
