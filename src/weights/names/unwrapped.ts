import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { warning, withNote } from "../../diagnostics/messages.ts";
import type { TensorFile } from "../tensor.ts";
import { changeNames } from "./changes.ts";
import { recognise } from "./recognise.ts";
import { prefixHint } from "./wrapped.ts";

/** A file whose names only are looked at: below the prefix that wraps them, which is told, as its values will need it. */
export function unwrapped(file: TensorFile): Result<TensorFile> {
  const found = recognise(file.tensors.keys());
  if (found === null || found.prefix === "") return ok(file);
  const { prefix, known, rivals } = found;
  const inside = changeNames(file, { stripPrefix: prefix, rename: [] });
  if (!inside.ok) return inside;
  const told = warning("weights-wrapped", { file: file.name, offset: null }, prefix, known, file.tensors.size);
  return ok(inside.value, [withNote(told, prefixHint(prefix, rivals)), ...inside.diagnostics]);
}
