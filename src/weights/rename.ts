import { type Diagnostic, type FilePlace, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { officialShape } from "./layouts.ts";
import { contextOf, type Dialect, detectDialect, type KnownName, translate } from "./names.ts";
import type { Param, Tensor, TensorFile } from "./tensor.ts";

/** A tensor of a file whose official name is known. */
export interface Renamed {
  readonly tensor: Tensor;
  readonly known: KnownName;
  /** As the official code shapes it; null where no official shape looks like the file's. */
  readonly shape: readonly number[] | null;
}

/** A file's tensors by their official names. */
export interface RenamedFile {
  readonly dialect: Dialect;
  readonly tensors: ReadonlyMap<string, Renamed>;
  /** Tensors whose names the dialect does not know. */
  readonly strangers: readonly Tensor[];
  /** Of tensors that have one official name. */
  readonly problems: readonly Diagnostic[];
}

/** Recognises the dialect of a file, and by it the tensors. Fails where no name is known from any. */
export function rename(file: TensorFile): Result<RenamedFile> {
  const names = [...file.tensors.keys()];
  const dialect = detectDialect(names);
  if (dialect === null) return fail(unknownNames(file, names));
  const context = contextOf(names, dialect);
  const tensors = new Map<string, Renamed>();
  const strangers: Tensor[] = [];
  const problems: Diagnostic[] = [];
  for (const tensor of file.tensors.values()) {
    const known = translate(tensor.name, dialect, "official", context);
    if (known === null) {
      strangers.push(tensor);
      continue;
    }
    const twin = tensors.get(known.name)?.tensor;
    if (twin !== undefined) {
      const twice = error("weights-two-names", tensor.place, known.name, twin.name, tensor.name);
      problems.push(withNote(twice, "the other is declared here", twin.place));
    }
    tensors.set(known.name, { tensor, known, shape: officialShape(known, dialect, tensor.shape) });
  }
  return ok({ dialect, tensors, strangers, problems });
}

/** Nothing in the file is named as in any dialect: why might that be? */
function unknownNames(file: TensorFile, names: readonly string[]): Diagnostic {
  const place: FilePlace = { file: file.name, offset: null };
  const prefix = commonPrefix(names);
  if (prefix !== "" && detectDialect(names.map(name => name.slice(prefix.length))) !== null) {
    const cut = "save the inner module's state_dict, or rename the tensors without the prefix";
    const hint = prefix === "module." ? "DataParallel adds it: save model.module.state_dict()" : cut;
    return withNote(error("weights-prefix", place, prefix), hint);
  }
  return error("weights-unknown-names", place, names.slice(0, 3));
}

/** What all names begin with, up to and with a dot. */
function commonPrefix([first = "", ...names]: readonly string[]): string {
  let length = first.length;
  for (const name of names) while (!name.startsWith(first.slice(0, length))) length--;
  return first.slice(0, first.lastIndexOf(".", length - 1) + 1);
}

/** What is known of a file's tensors, in official names and, where they can be told, official shapes. */
export const officialParams = ({ tensors }: RenamedFile): readonly Param[] =>
  [...tensors].map(([name, { tensor, shape }]) => ({ name, shape: shape ?? tensor.shape }));
