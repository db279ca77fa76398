import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Model } from "./model.ts";

/**
 * SHA-256, in hex, of what models mean: every field with its defaults, and nothing of how the spec is laid out,
 * commented or split over files.
 */
export const modelHash = (models: readonly Model[]): string =>
  bytesToHex(sha256(utf8ToBytes(JSON.stringify(models, (key, value) => (key === "span" ? undefined : value)))));
