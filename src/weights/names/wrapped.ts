import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { TensorFile } from "../tensor.ts";
import type { Recognised } from "./recognise.ts";

/** Prefixes that are named in one hint. */
const maxRivals = 3;

/** A word as a shell takes it. */
export const shellWord = (text: string): string =>
  /^[\w.,:@%+/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The option that takes what lies below a prefix, and how else it may be meant. */
export function prefixHint(prefix: string, rivals: readonly string[] = []): string {
  const others = rivals.slice(0, maxRivals).map(rival => shown(shellWord(rival)));
  const more = rivals.length > maxRivals ? ", …" : "";
  const besides = others.length === 0 ? "" : `; as many are below ${others.join(", ")}${more}`;
  return `--strip-prefix ${shown(shellWord(prefix))} takes what lies below it${besides}`;
}

/** Names are wrapped in something that no dialect has; as training wrappers, detectors and other models leave it. */
export function wrapped({ name, tensors }: TensorFile, { prefix, known, rivals }: Recognised): Diagnostic {
  const problem = error("weights-prefix", { file: name, offset: null }, prefix, known, tensors.size);
  return withNote(problem, prefixHint(prefix, rivals));
}
