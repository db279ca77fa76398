import type { Kind } from "../../src/diagnostics/exit-codes.ts";
import type { DiagnosticCode } from "../../src/diagnostics/messages.ts";
import { elements } from "../../src/weights/tensor.ts";
import { type Code, dict, orderedDict, pickle, tensor, torchZip } from "../support/pickle-writer.ts";
import { corpusParams, type Outcome } from "./safetensors.ts";

/** A file of torch.save or numpy.savez, or what pretends to be one, and the outcome it must give. */
export interface PickleRow {
  readonly id: string;
  readonly title: string;
  readonly bytes: () => Uint8Array;
  /** What `readTensorFile` says; null where nothing. */
  readonly read: Outcome;
  /** What follows when the file is bound to the corpus model, where that differs from `read`. */
  readonly bound?: Outcome;
  /** A part of the sentence or of its notes. */
  readonly says?: string;
}

export const outcome =
  (kind: Kind) =>
  (code: DiagnosticCode): Outcome => ({ kind, code });
export const format = outcome("E_W_FORMAT");
export const badZip = outcome("E_W_ZIP");
export const badPickle = outcome("E_W_PICKLE");
export const limit = outcome("E_W_LIMIT");
export const size = outcome("E_W_SIZE");
export const offset = outcome("E_W_OFFSET");
export const dtype = outcome("E_W_DTYPE");
export const dup = outcome("E_W_DUPKEY");
export const header = outcome("E_W_HEADER");
export const warn = outcome("W_W");

export const row = (
  id: string,
  title: string,
  bytes: () => Uint8Array,
  read: Outcome,
  more: Partial<Pick<PickleRow, "bound" | "says">> = {},
): PickleRow => ({ id, title, bytes, read, ...more });

/** A value in the corpus model's every place, as little-endian words. */
export const filled = (count: number, word: readonly number[] = [0, 0, 0, 0x3f]): Uint8Array =>
  Uint8Array.from({ length: word.length * count }, (_, k) => word[k % word.length] ?? 0);

/** The corpus model's tensors, each over a storage of its own. */
export const modelEntries = (storage = "FloatStorage", legacy = false): readonly (readonly [string, Code])[] =>
  corpusParams.map(({ name, shape }, k) => [name, tensor({ key: `${k}`, shape, storage, legacy })]);

export const modelRecords = (word?: readonly number[]): Record<string, Uint8Array> =>
  Object.fromEntries(corpusParams.map(({ shape }, k) => [`${k}`, filled(elements(shape), word)]));

export const modelPickle = pickle(orderedDict(...modelEntries()));
export const modelZip = (options: Parameters<typeof torchZip>[2] = {}): Uint8Array =>
  torchZip(modelPickle, modelRecords(), options);

/** An archive whose pickle is one tensor `w` of 4 elements, made by `code`. */
export const one = (code: Code, record: Uint8Array = new Uint8Array(16)): Uint8Array =>
  torchZip(pickle(dict(["w", code])), { 0: record });

export const w: Code = tensor({ key: "0", shape: [4] });
/** An archive of one good tensor and something beside it. */
export const beside = (...codes: readonly Code[]): Uint8Array =>
  torchZip(pickle(dict(["model", dict(["w", w])], ...codes.map((code, k) => [`x${k}`, code] as const))), {
    0: new Uint8Array(16),
  });
/** An archive of that pickle. */
export const raw = (bytes: Uint8Array): Uint8Array => torchZip(bytes, { 0: new Uint8Array(16) });
