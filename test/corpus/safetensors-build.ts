import type { Kind } from "../../src/diagnostics/exit-codes.ts";
import type { DiagnosticCode } from "../../src/diagnostics/messages.ts";
import { elements, type Param } from "../../src/weights/tensor.ts";

/** A tensor file and the outcome it must give. Ids begin with the row of the list of bad inputs they stand for. */
export interface SafetensorsRow {
  readonly id: string;
  readonly title: string;
  readonly bytes: () => Uint8Array;
  /** What `readSafetensors` says: the family, which is a contract, and the code; null where it says nothing. */
  readonly read: Outcome;
  /** What `readTensorFile` says, where other readers know the file better. */
  readonly opened?: Outcome;
  /** What follows when the file is then bound to `corpusSpec`'s model, where that differs from `read`. */
  readonly bound?: Outcome;
  /** What follows when the bound tensors are then read. */
  readonly values?: Outcome;
}

/** `W_` families are warnings: the file is accepted. */
export type Outcome = { readonly kind: Kind; readonly code: DiagnosticCode } | null;

/** The model the controls (all rows whose outcome is null or a warning) have the weights of. */
export const corpusSpec = "model corpus { depths [1] dims [2] input 4x4x1 head classifier { classes 2 } }\n";

export const corpusParams: readonly Param[] = (
  [
    ["downsample_layers.0.0.weight", [2, 1, 4, 4]],
    ["downsample_layers.0.0.bias", [2]],
    ["downsample_layers.0.1.weight", [2]],
    ["downsample_layers.0.1.bias", [2]],
    ["stages.0.0.dwconv.weight", [2, 1, 7, 7]],
    ["stages.0.0.dwconv.bias", [2]],
    ["stages.0.0.norm.weight", [2]],
    ["stages.0.0.norm.bias", [2]],
    ["stages.0.0.pwconv1.weight", [8, 2]],
    ["stages.0.0.pwconv1.bias", [8]],
    ["stages.0.0.grn.gamma", [1, 1, 1, 8]],
    ["stages.0.0.grn.beta", [1, 1, 1, 8]],
    ["stages.0.0.pwconv2.weight", [2, 8]],
    ["stages.0.0.pwconv2.bias", [2]],
    ["norm.weight", [2]],
    ["norm.bias", [2]],
    ["head.weight", [2, 2]],
    ["head.bias", [2]],
  ] as const
).map(([name, shape]) => ({ name, shape }));

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export const join = (...parts: readonly (Uint8Array | string | readonly number[])[]): Uint8Array => {
  const pieces = parts.map(part =>
    typeof part === "string" ? encode(part) : part instanceof Uint8Array ? part : Uint8Array.from(part),
  );
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
};

export const lengthBytes = (length: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
};

/** A file of a header and data; `shift` makes the stated header length a lie. */
export function file(header: string | Uint8Array, data: Uint8Array | readonly number[] = [], shift = 0): Uint8Array {
  const text = typeof header === "string" ? encode(header) : header;
  return join(lengthBytes(BigInt(text.length + shift)), text, data);
}

export const entry = (name: string, dtype: string, shape: readonly number[], begin: number, end: number): string =>
  `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`;

/** The corpus model's tensors, one header row each. */
export function rowsOf(params: readonly Param[], dtype = "F32", width = 4): string[] {
  let at = 0;
  return params.map(({ name, shape }) => {
    const begin = at;
    at += elements(shape) * width;
    return entry(name, dtype, shape, begin, at);
  });
}

export const count = corpusParams.reduce((sum, { shape }) => sum + elements(shape), 0);
export const size = 4 * count;
/** 0.5 in every place, as F32, F16 and BF16. */
export const halves = (word: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: word.length * count }, (_, i) => word[i % word.length] ?? 0);
export const data = halves([0, 0, 0, 0x3f]);
export const rows = rowsOf(corpusParams);
export const header = `{${rows.join(",")}}`;
export const whole = file(header, data);
/** All the model's tensors and something more. */
export const plus = (...more: readonly string[]): string => `{${[...rows, ...more].join(",")}}`;

/** A file with one 4-byte tensor `w` whose entry is given. */
export const one = (fields: string, bytes: readonly number[] = [0, 0, 0, 0]): Uint8Array =>
  file(`{"w":{${fields}}}`, bytes);
export const type = '"dtype":"F32"';
export const shape = '"shape":[1]';
export const offsets = '"data_offsets":[0,4]';
export const two = (first: readonly [number, number], second: readonly [number, number], bytes: number): Uint8Array => {
  const row = (name: string, [begin, end]: readonly [number, number]): string =>
    entry(name, "U8", [end - begin], begin, end);
  return file(`{${row("a", first)},${row("b", second)}}`, new Uint8Array(bytes));
};

export const outcome =
  (kind: Kind) =>
  (code: DiagnosticCode): Outcome => ({ kind, code });
export const format = outcome("E_W_FORMAT");
export const trunc = outcome("E_W_TRUNC");
export const bad = outcome("E_W_HEADER");
export const dup = outcome("E_W_DUPKEY");
export const offset = outcome("E_W_OFFSET");
export const wrongSize = outcome("E_W_SIZE");
export const dtype = outcome("E_W_DTYPE");
export const limit = outcome("E_W_LIMIT");
export const syntax = bad("weights-header-syntax");
export const integer = bad("weights-header-integer");
export const extra: Outcome = { kind: "E_W_EXTRA", code: "weights-extra" };
export const nothing: Outcome = { kind: "E_W_MISSING", code: "weights-unknown-names" };
export const warn = outcome("W_W");

export const row = (
  id: string,
  title: string,
  bytes: () => Uint8Array,
  read: Outcome,
  bound?: Outcome,
): SafetensorsRow => ({
  id,
  title,
  bytes,
  read,
  ...(bound === undefined ? {} : { bound }),
});
