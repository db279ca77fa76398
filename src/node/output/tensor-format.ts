import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";

/** How tensors are written; the ending of a file's name says it. */
export type TensorFormat = "safetensors" | "npz";

/** The format that a file's name asks for; without an ending it is the first. */
export function formatOf<F extends TensorFormat>(file: string, formats: readonly [F, ...F[]]): F | null {
  const ending = path.extname(file).toLowerCase();
  return ending === "" ? formats[0] : (formats.find(format => ending === `.${format}`) ?? null);
}

/** What is said of another ending. */
export const formatProblem = (option: string, file: string, formats: readonly TensorFormat[]): Diagnostic =>
  error("bad-option-value", null, option, file, `a name that ends in ${formats.map(f => `.${f}`).join(" or ")}`);
