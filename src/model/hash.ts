import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Model } from "./model.ts";

const meaningless: ReadonlySet<string> = new Set(["span", "weightsSha256"] satisfies (keyof Model)[]);

/**
 * SHA-256, in hex, of what models mean: every field with its defaults, and nothing of how the spec is laid out,
 * commented or split over files, or of what weights are put in.
 */
export const modelHash = (models: readonly Model[]): string => {
  const text = JSON.stringify(models, (key, value) => (meaningless.has(key) ? undefined : value));
  return bytesToHex(sha256(utf8ToBytes(text)));
};
