import { elements, type Param } from "../../src/weights/tensor.ts";
import {
  bad,
  corpusParams,
  data,
  dtype,
  encode,
  entry,
  extra,
  file,
  format,
  halves,
  header,
  join,
  limit,
  nothing,
  one,
  plus,
  row,
  rows,
  rowsOf,
  shape,
  size,
  two,
  warn,
  whole,
  type SafetensorsRow,
} from "./safetensors-build.ts";

/** The corpus model's encoder as sparse pre-training saves it. */
const sparseParams: readonly Param[] = corpusParams
  .filter(({ name }) => /^(downsample|stages)/.test(name))
  .map(({ name, shape }) => ({
    name: `encoder.${name}`
      .replace("dwconv.weight", "dwconv.kernel")
      .replace(".norm.", ".norm.ln.")
      .replace(/(pwconv\d)/, "$1.linear"),
    shape: name.endsWith("dwconv.weight") ? [49, 2] : /dwconv\.bias$/.test(name) ? [1, 2] : shape.filter((n, i) => n !== 1 || i === 1),
  }));
const sparseCount = sparseParams.reduce((sum, { shape }) => sum + elements(shape), 0);
/** The corpus model, twice as wide. */
const wider: readonly Param[] = corpusParams.map(({ name, shape }) => ({
  name,
  shape: shape.map((n, axis) => (n === 2 && !(name.startsWith("head") && axis === 0) ? 4 : n === 8 ? 16 : n)),
}));
/** A million rows. */
function repeat(row: (k: number) => string): string {
  let text = row(0);
  for (let k = 1; k < 1e6; k++) text += `,${row(k)}`;
  return text;
}

/** Controls, odd names, floods, files of another kind and good files for another model. */
export const otherRows: readonly SafetensorsRow[] = [
  // Controls: a reader that rejects everything fails here.
  row("F01-minimal", "all tensors of the model and nothing else", () => whole, null),
  row("F01-trailing-blanks", "blanks after the header's brace", () => file(`${header}   \n\t\r  `, data), null),
  row("F01-no-tensors", "a header of two bytes", () => file("{}"), null, nothing),
  row("F01-blanks-inside", "blanks between all tokens", () => file(header.replace(/[{}[\]:,]/g, " $& "), data), null),
  row(
    "F01-metadata",
    "metadata with text of any alphabet",
    () => file(`{"__metadata__":{"format":"pt","é\\n":"😀 \\ud83d\\ude00"},${rows.join(",")}}`, data),
    null,
  ),
  row(
    "F01-any-order",
    "header order other than data order",
    () => file(`{${rows.toReversed().join(",")}}`, data),
    null,
  ),
  row(
    "F01-escaped-name",
    "a name written with escapes",
    () => file(header.replace('"head.bias"', '"\\u0068e\\u0061d.bias"'), data),
    null,
  ),
  row("F01-f16", "16-bit floats", () => file(`{${rowsOf(corpusParams, "F16", 2).join(",")}}`, halves([0, 0x38])), null),
  row("F01-bf16", "bfloat16", () => file(`{${rowsOf(corpusParams, "BF16", 2).join(",")}}`, halves([0, 0x3f])), null),
  ...["\t", "\n", " ", "\r"].map((blank, k) =>
    row(`F02-leading-blank-${k}`, "a blank before the header's brace", () => file(blank + header, data), null),
  ),
  row(
    "F04-zero-size-first",
    "a tensor without data at the beginning",
    () => file(plus(entry("zero", "F32", [0, 3], 0, 0)), data),
    null,
    extra,
  ),
  row(
    "F04-zero-size-last",
    "a tensor without data at the end",
    () => file(plus(entry("zero", "F32", [2, 0], size, size)), data),
    null,
    extra,
  ),
  row(
    "F04-scalar",
    "a tensor of no dimensions",
    () => file(plus(entry("scalar", "F32", [], size, size + 4)), join(data, [0, 0, 0, 0])),
    null,
    extra,
  ),
  {
    ...row(
      "F05-nan",
      "a NaN among the values",
      () => file(header, join(data.subarray(0, size - 4), [0, 0, 0xc0, 0x7f])),
      null,
    ),
    values: warn("weights-nonfinite"),
  },
  row(
    "F06-unknown-field",
    "a field of a tensor that nobody knows",
    () => file(header.replace('{"dtype"', '{"note":{"a":[1,-2.5e-3,true,false,null,"x"]},"dtype"'), data),
    warn("weights-unknown-field"),
  ),

  // Names that mean something to JavaScript, and names that mean something to a terminal.
  ...["", "__proto__", "constructor", "toString", "\u0000", "\u001b[2J", "a".repeat(100_000)].map((name, k) =>
    row(
      `F41-name-${k}`,
      `a tensor named ${JSON.stringify(name.slice(0, 20))}`,
      () => file(plus(entry(name, "U8", [1], size, size + 1)), join(data, [0])),
      null,
      extra,
    ),
  ),
  row(
    "F41-metadata-proto",
    "metadata under __proto__",
    () => file(`{"__metadata__":{"__proto__":"x"},${rows.join(",")}}`, data),
    null,
  ),
  row(
    "F42-million-tensors",
    "a million tensors of one byte",
    () =>
      file(
        `{${repeat(k => `"t${k}":{"dtype":"U8","shape":[1],"data_offsets":[${k},${k + 1}]}`)}}`,
        new Uint8Array(1e6),
      ),
    limit("weights-limit-tensors"),
  ),
  row(
    "F42-million-metadata",
    "a million metadata keys",
    () => file(`{"__metadata__":{${repeat(k => `"${k}":""`)}}}`),
    limit("weights-limit-fields"),
  ),
  row("F42-long-blanks", "a header of 20 MB of blanks", () => file(`${" ".repeat(2e7)}{}`), null, nothing),

  // Files that are something else.
  row(
    "F44-html",
    "an error page",
    () => encode("<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n"),
    format("weights-format"),
  ),
  row(
    "F44-html-bare",
    "an error page without a doctype, after blanks",
    () => encode("\n\n  <HTML><body>Not found</body></HTML>"),
    format("weights-format"),
  ),
  row("F44-html-short", "a page of less than 8 bytes", () => encode("<html>"), format("weights-format")),
  row("F44-empty", "no bytes at all", () => new Uint8Array(), format("weights-empty")),
  row(
    "F44-lfs",
    "a pointer of Git LFS",
    () => encode("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
    format("weights-format"),
  ),
  // Of a file, the weights are those of the shards that it names: none here.
  {
    ...row(
      "F44-json",
      "the index of a sharded model",
      () => encode('{"metadata":{"total_size":1},"weight_map":{}}'),
      format("weights-format"),
    ),
    opened: { kind: "E_W_MISSING", code: "weights-unknown-names" },
  },
  // Where weights are due, a whole archive of torch.save or numpy.savez is read whatever its name is; this one is none.
  {
    ...row(
      "F45-zip",
      "a zip archive",
      () => join([0x50, 0x4b, 3, 4, 0, 0, 8, 8], new Uint8Array(100)),
      format("weights-format"),
    ),
    opened: { kind: "E_W_ZIP", code: "zip-end" },
  },
  row(
    "F45-pickle",
    "a Python pickle",
    () => join([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20], new Uint8Array(100)),
    format("weights-format"),
  ),
  row(
    "F45-numpy",
    "a numpy array",
    () => join([0x93], "NUMPY", [1, 0, 0x76, 0], new Uint8Array(100)),
    format("weights-format"),
  ),
  row(
    "F45-random",
    "bytes without meaning",
    () => Uint8Array.from({ length: 200 }, (_, k) => (k * 167 + 91) & 255),
    format("weights-unknown-format"),
  ),

  // Good files for another model.
  row(
    "W01-one-missing",
    "one tensor missing",
    () => file(`{${rowsOf(corpusParams.slice(0, -1)).join(",")}}`, data.subarray(0, -8)),
    null,
    { kind: "E_W_MISSING", code: "weights-missing" },
  ),
  row(
    "W01-all-missing",
    "none of the model's tensors",
    () => file(`{${rowsOf(corpusParams.map(({ name, shape }) => ({ name: `x.${name.replaceAll(".", "_")}`, shape }))).join(",")}}`, data),
    null,
    nothing,
  ),
  row(
    "W02-one-extra",
    "one tensor too many",
    () => file(plus(entry("extra", "F32", [1], size, size + 4)), join(data, [0, 0, 0, 0])),
    null,
    extra,
  ),
  row("W04-grn-1-4c", "GRN vectors as (1,4C)", () => file(header.replaceAll("[1,1,1,8]", "[1,8]"), data), null),
  row(
    "W05-sparse-state",
    "the encoder of a pre-training state, which has no head",
    () => file(`{${rowsOf(sparseParams).join(",")}}`, data.subarray(0, 4 * sparseCount)),
    null,
    { kind: "E_W_MISSING", code: "weights-no-part" },
  ),
  row(
    "W06-module-prefix",
    "the names of DataParallel",
    () =>
      file(`{${rowsOf(corpusParams.map(({ name, shape }) => ({ name: `module.${name}`, shape }))).join(",")}}`, data),
    null,
    { kind: "E_W_MISSING", code: "weights-prefix" },
  ),
  row(
    "W08-classes",
    "another number of classes",
    () =>
      file(
        `{${rowsOf(corpusParams.map(({ name, shape }) => ({ name, shape: name === "head.weight" ? [3, 2] : name === "head.bias" ? [0] : shape }))).join(",")}}`,
        data,
      ),
    null,
    { kind: "E_W_SHAPE", code: "weights-shape" },
  ),
  row(
    "W09-other-size",
    "a model of another size",
    () => file(`{${rowsOf(wider).join(",")}}`, new Uint8Array(4 * wider.reduce((sum, { shape }) => sum + elements(shape), 0))),
    null,
    { kind: "E_W_SHAPE", code: "weights-architecture" },
  ),
  {
    ...row(
      "W13-all-nan",
      "a tensor of nothing but NaN",
      () => file(header, join(data.subarray(0, size - 8), [0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f])),
      null,
    ),
    values: { kind: "E_W_NONFINITE", code: "weights-all-nan" },
  },
  row(
    "W17-no-data",
    "a tensor without data where data are due",
    () =>
      file(
        `{${rowsOf(corpusParams.map(({ name, shape }) => ({ name, shape: name === "head.bias" ? [0] : shape }))).join(",")}}`,
        data.subarray(0, -8),
      ),
    null,
    { kind: "E_W_SHAPE", code: "weights-shape" },
  ),
  {
    ...row("W18-grn-zero", "GRN at its start", () => file(header, new Uint8Array(size)), null),
    values: warn("weights-grn-zero"),
  },
];
