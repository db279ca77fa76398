import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { type Model, usualProblem } from "./model.ts";
import { isUsual } from "./preprocess.ts";

const meaningless: ReadonlySet<string> = new Set(["span", "weightsSha256"] satisfies (keyof Model)[]);

/** A model without what it says of pictures and labels where that is nothing unusual, which is part of no older hash. */
function told({ preprocess, head, ...model }: Model): object {
  const pictures = isUsual(preprocess, model.input) ? {} : { preprocess };
  if (head.kind !== "classifier") return { ...model, head, ...pictures };
  const { labels, problem, ...plain } = head;
  const names = labels === null ? {} : { labels };
  const meaning = problem === usualProblem(head.classes) ? {} : { problem };
  return { ...model, head: { ...plain, ...names, ...meaning }, ...pictures };
}

/**
 * SHA-256, in hex, of what models mean: every field with its defaults, and nothing of how the spec is laid out,
 * commented or split over files, or of what weights are put in.
 */
export const modelHash = (models: readonly Model[]): string => {
  const text = JSON.stringify(models.map(told), (key, value) => (meaningless.has(key) ? undefined : value));
  return bytesToHex(sha256(utf8ToBytes(text)));
};
