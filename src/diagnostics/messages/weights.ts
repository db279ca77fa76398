import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

export const shape = (sizes: readonly number[]): string => `[${sizes.join(", ")}]`;
const list = (names: readonly string[]): string => names.map(quoted).join(", ");
const andMore = (n: number): string => (n === 0 ? "" : ` and ${n} more`);
const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const nonFinite = (name: string, value: number, index: number, total: number): string =>
  `tensor ${quoted(name)} has ${value} at index ${index}${total === 1 ? "" : `, and ${total - 1} more values that are not finite`}`;

/** What can be wrong with a tensor file, or with its tensors against the model. */
export const weightMessages = {
  "weights-empty": { kind: "E_W_FORMAT", text: () => "the file is empty" },
  "weights-format": {
    kind: "E_W_FORMAT",
    text: (what: string) => `the file is ${what}, not safetensors`,
  },
  "weights-unknown-format": {
    kind: "E_W_FORMAT",
    text: () => "the file is neither safetensors nor written by torch.save or numpy.savez",
  },
  "weights-truncated": {
    kind: "E_W_TRUNC",
    text: (needed: number, found: number) =>
      `the file ends too early: ${needed} bytes are announced, ${found} are there`,
  },
  "weights-tensor-truncated": {
    kind: "E_W_TRUNC",
    text: (name: string, needed: number, found: number) =>
      `the file ends inside tensor ${quoted(name)}: ${needed} bytes are announced, ${found} are there`,
  },
  "weights-header-length": {
    kind: "E_W_HEADER",
    text: (length: bigint, most: number) =>
      `the first 8 bytes give the header a length of ${length} bytes, which is not between 2 and ${most}`,
  },
  "weights-header-syntax": {
    kind: "E_W_HEADER",
    text: (what: string, expected: string) => `the ${what} is broken: expected ${expected}`,
  },
  "weights-header-bom": { kind: "E_W_HEADER", text: () => "the header begins with a byte-order mark" },
  "weights-header-utf8": { kind: "E_W_HEADER", text: (what: string) => `the ${what} is not valid UTF-8` },
  "weights-header-surrogate": {
    kind: "E_W_HEADER",
    text: (what: string) => `the ${what} has half of a surrogate pair, which is no character`,
  },
  "weights-header-depth": {
    kind: "E_W_HEADER",
    text: (what: string, most: number) => `the ${what} is nested more than ${most} levels deep`,
  },
  "weights-header-integer": {
    kind: "E_W_HEADER",
    text: (token: string) => `${quoted(token)} is not a whole number from 0 in plain digits`,
  },
  "weights-header-field": {
    kind: "E_W_HEADER",
    text: (name: string, field: string) => `tensor ${quoted(name)} has no ${quoted(field)}`,
  },
  "weights-header-offsets": {
    kind: "E_W_HEADER",
    text: (name: string) => `the data_offsets of tensor ${quoted(name)} are not two numbers, begin and end`,
  },
  "weights-duplicate-key": {
    kind: "E_W_DUPKEY",
    text: (what: string, key: string) => `the key ${quoted(key)} stands twice in one object of the ${what}`,
  },
  "weights-offset-range": {
    kind: "E_W_OFFSET",
    text: (name: string) => `an offset of tensor ${quoted(name)} is above 2^53 - 1`,
  },
  "weights-offset-order": {
    kind: "E_W_OFFSET",
    text: (name: string, begin: number, end: number) => `tensor ${quoted(name)} begins at ${begin} and ends at ${end}`,
  },
  "weights-overlap": {
    kind: "E_W_OFFSET",
    text: (name: string, other: string) => `tensor ${quoted(name)} shares data bytes with ${quoted(other)}`,
  },
  "weights-gap": {
    kind: "E_W_OFFSET",
    text: (name: string, bytes: number) => `${count(bytes, "byte")} before tensor ${quoted(name)} belong to no tensor`,
  },
  "weights-size": {
    kind: "E_W_SIZE",
    text: (name: string, dtype: string, sizes: readonly number[], needed: bigint, found: number) =>
      `tensor ${quoted(name)}, ${dtype} ${shape(sizes)}, needs ${needed} bytes but its offsets span ${found}`,
  },
  "weights-shape-range": {
    kind: "E_W_SIZE",
    text: (name: string) => `a dimension of tensor ${quoted(name)} is above 2^53 - 1`,
  },
  "weights-trailing": {
    kind: "E_W_SIZE",
    text: (bytes: number) => `${count(bytes, "byte")} after the last tensor belong to no tensor`,
  },
  "weights-dtype": {
    kind: "E_W_DTYPE",
    text: (name: string, dtype: string, known: readonly string[]) =>
      `tensor ${quoted(name)} has dtype ${quoted(dtype)}, which is not one of ${known.join(", ")}`,
  },
  "weights-limit-fields": {
    kind: "E_W_LIMIT",
    text: (what: string, most: number) => `an object of the ${what} has more than ${most} keys`,
  },
  "weights-limit-tensors": { kind: "E_W_LIMIT", text: (most: number) => `the file holds more than ${most} tensors` },
  "weights-limit-rank": {
    kind: "E_W_LIMIT",
    text: (name: string, most: number) => `tensor ${quoted(name)} has more than ${most} dimensions`,
  },
  "weights-unknown-field": {
    kind: "W_W",
    text: (name: string, field: string, more: number) =>
      `tensor ${quoted(name)} has an unknown field ${quoted(field)}, which is ignored${more === 0 ? "" : `, like ${more} more`}`,
  },
  "weights-nonfinite": { kind: "W_W", text: nonFinite },
  "weights-not-finite": { kind: "E_W_NONFINITE", text: nonFinite },
  "weights-all-nan": { kind: "E_W_NONFINITE", text: (name: string) => `tensor ${quoted(name)} is NaN throughout` },
  "weights-grn-zero": {
    kind: "W_W",
    text: () => "GRN is the identity in every block, as before any training: all its weights are zero",
  },
  "weights-head-zero": {
    kind: "W_W",
    text: () => "the head is all zeros: every class is as likely as any other until it is trained",
  },
  "weights-head-drawn": {
    kind: "W_W",
    text: () => "the file has no head, so that one is drawn, and all names become official",
  },
  "batches-unused": {
    kind: "W_W",
    text: (name: string, more: number) =>
      `tensor ${quoted(name)}${more === 0 ? " is" : more === 1 ? " and another are" : ` and ${more} others are`} of no step that is trained`,
  },
  "weights-range": {
    kind: "E_W_RANGE",
    text: (name: string, value: number, index: number, dtype: string, largest: number) =>
      `tensor ${quoted(name)} has ${value} at index ${index}, beyond the largest ${dtype}, ${largest}`,
  },
  "weights-saturated": {
    kind: "W_W",
    text: (name: string, total: number, largest: number, first: number) =>
      `tensor ${quoted(name)} has ${count(total, "value")} beyond ${largest}, written as that; the first is ${first}`,
  },
  "weights-underflow": {
    kind: "W_W",
    text: (name: string, zeroed: number, of: number, dtype: string) =>
      `tensor ${quoted(name)}: ${zeroed} of ${count(of, "value")} become 0 in ${dtype}`,
  },
  "weights-differ": {
    kind: "E_CHECK",
    text: (differences: readonly string[]) => `the files differ: ${differences.join(", ")}`,
  },
  "weights-not-adapted": {
    kind: "E_W_SHAPE",
    text: (option: string, why: string) => `${option} cannot be done: ${why}`,
  },
  "weights-missing": {
    kind: "E_W_MISSING",
    text: (name: string, sizes: readonly number[], nearest: string | null) =>
      `the model's ${quoted(name)} ${shape(sizes)} is not in the file${nearest === null ? "" : `, which has ${quoted(nearest)}`}`,
  },
  "weights-unknown-names": {
    kind: "E_W_MISSING",
    text: (names: readonly string[]) =>
      names.length === 0
        ? "the file holds no tensors"
        : `no tensor has a name known from a ConvNeXt checkpoint; the first are ${list(names)}`,
  },
  "weights-prefix": {
    kind: "E_W_MISSING",
    text: (prefix: string, known: number, of: number) =>
      known === of
        ? `every tensor name begins with ${quoted(prefix)}, which no ConvNeXt checkpoint format has`
        : `${known} of ${count(of, "tensor name")} are known once ${quoted(prefix)} is left out`,
  },
  "weights-wrapped": {
    kind: "W_W",
    text: (prefix: string, known: number, of: number) =>
      `the weights are below ${quoted(prefix)}: ${known} of ${count(of, "tensor name")} are known there`,
  },
  "weights-beside": {
    kind: "W_W",
    text: (names: readonly string[], more: number, prefix: string) =>
      `${list(names)}${andMore(more)} beside the weights below ${quoted(prefix)} ${names.length + more === 1 ? "is" : "are"} not read`,
  },
  "weights-name-unmatched": {
    kind: "E_W_MISSING",
    text: (option: string, text: string, nearest: string | null) =>
      `no tensor name begins with the ${quoted(text)} of ${option}${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "weights-renamed-twice": {
    kind: "E_W_DUPKEY",
    text: (first: string, second: string, name: string) =>
      `${quoted(first)} and ${quoted(second)} would both be named ${quoted(name)}`,
  },
  "weights-extra": {
    kind: "E_W_EXTRA",
    text: (name: string, nearest: string | null) =>
      `the file's ${quoted(name)} is no parameter of the model${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "weights-unused": {
    kind: "W_W",
    text: (names: readonly string[], more: number) => `the model has no use for ${list(names)}${andMore(more)}`,
  },
  "weights-two-names": {
    kind: "E_W_DUPKEY",
    text: (name: string, first: string, second: string) =>
      `${quoted(first)} and ${quoted(second)} are both the model's ${quoted(name)}`,
  },
  "weights-shape": {
    kind: "E_W_SHAPE",
    text: (name: string, found: readonly number[], needed: readonly number[]) =>
      `tensor ${quoted(name)} has shape ${shape(found)} but the model needs ${shape(needed)}`,
  },
  "weights-architecture": {
    kind: "E_W_SHAPE",
    text: (found: string, needed: string, looksLike: string | null) =>
      `the file ${looksLike === null ? "holds" : `looks like ${looksLike}:`} ${found}, but the model has ${needed}`,
  },
  "weights-decoder": {
    kind: "E_W_SHAPE",
    text: (found: string, needed: string) => `the file's decoder has ${found}, but the model's has ${needed}`,
  },
  "weights-no-part": {
    kind: "E_W_MISSING",
    text: (part: string, names: readonly string[]) => `the file has no ${part}: ${list(names)} are missing`,
  },
  "weights-disagree": {
    kind: "E_W_SHAPE",
    text: (name: string, found: readonly number[], needed: readonly number[]) =>
      `tensor ${quoted(name)} has shape ${shape(found)} but the other tensors make it ${shape(needed)}`,
  },
  "weights-no-place": {
    kind: "E_W_EXTRA",
    text: (names: readonly string[], more: number, dialect: string) =>
      `${list(names)}${andMore(more)} cannot be named in ${dialect}`,
  },
  "weights-left-out": {
    kind: "W_W",
    text: (names: readonly string[], more: number, dialect: string) =>
      `${list(names)}${andMore(more)} cannot be named in ${dialect} and ${names.length + more === 1 ? "is" : "are"} left out`,
  },
  "weights-hash": {
    kind: "E_W_HASH",
    text: (model: string, found: string, pinned: string) =>
      `the weights have the SHA-256 ${found}, but the spec says ${pinned} for model ${quoted(model)}`,
  },
  "weights-seed": {
    kind: "E_USAGE",
    text: (text: string) => `${quoted(text)} is not random:SEED with a whole number from 0 to 4294967295`,
  },
} as const satisfies Record<string, Message>;
