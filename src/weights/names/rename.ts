import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { Param, Tensor, TensorFile } from "../tensor.ts";
import { officialShape } from "./layouts.ts";
import { contextOf, type Dialect, type KnownName, translate } from "./names.ts";
import { recognise } from "./recognise.ts";
import { wrapped } from "./wrapped.ts";

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
  readonly unknownTensors: readonly Tensor[];
  /** Of tensors that have one official name. */
  readonly problems: readonly Diagnostic[];
}

/** Recognises the dialect of a file, and by it the tensors. Fails where no name is known from any. */
export function rename(file: TensorFile): Result<RenamedFile> {
  const names = [...file.tensors.keys()];
  const found = recognise(names);
  if (found === null) return fail(strangers(file.name, names));
  if (found.prefix !== "") return fail(wrapped(file, found));
  const { dialect } = found;
  const context = contextOf(names, dialect);
  const tensors = new Map<string, Renamed>();
  const unknownTensors: Tensor[] = [];
  const problems: Diagnostic[] = [];
  for (const tensor of file.tensors.values()) {
    const known = translate(tensor.name, dialect, "official", context);
    if (known === null) {
      unknownTensors.push(tensor);
      continue;
    }
    const twin = tensors.get(known.name)?.tensor;
    if (twin !== undefined) {
      const twice = error("weights-two-names", tensor.place, known.name, twin.name, tensor.name);
      problems.push(withNote(twice, "the other is declared here", twin.place));
    }
    tensors.set(known.name, { tensor, known, shape: officialShape(known, dialect, tensor.shape) });
  }
  return ok({ dialect, tensors, unknownTensors: unknownTensors, problems });
}

function strangers(file: string, names: readonly string[]): Diagnostic {
  const problem = error("weights-unknown-names", { file, offset: null }, names.slice(0, 3));
  return names.length === 0 ? problem : withNote(problem, "--rename FROM=TO gives a name that is known");
}

/** What is known of a file's tensors, in official names and, where they can be told, official shapes. */
export const officialParams = ({ tensors }: RenamedFile): readonly Param[] =>
  [...tensors].map(([name, { tensor, shape }]) => ({ name, shape: shape ?? tensor.shape }));

/** The official names of a file's tensors; none where no dialect knows any. */
export function officialNames(file: TensorFile): readonly string[] {
  const renamed = rename(file);
  return renamed.ok ? [...renamed.value.tensors.keys()] : [];
}
