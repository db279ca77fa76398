import { maxListed } from "../../diagnostics/capped.ts";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { warning } from "../../diagnostics/messages.ts";
import type { TensorFile } from "../tensor.ts";

/** One warning for all names that are left; none where there are none. */
export function unusedNames({ name: file }: TensorFile, names: readonly string[]): readonly Diagnostic[] {
  if (names.length === 0) return [];
  const listed = names.slice(0, maxListed);
  return [warning("weights-unused", { file, offset: null }, listed, names.length - listed.length)];
}
