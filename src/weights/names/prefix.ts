import type { TensorFile } from "../tensor.ts";
import { detectDialect, knownNames } from "./names.ts";

/**
 * What wraps every name of a file, up to and with a dot (`module.`): without it more names are known than with it. Null
 * where there is no such thing.
 */
export function foreignPrefix(names: readonly string[]): string | null {
  const shared = commonPrefix(names);
  const known = count(names);
  const cuts = [...shared.matchAll(/\./g)].slice(0, 8).map(({ index }) => shared.slice(0, index + 1));
  return cuts.find(cut => count(names.map(name => name.slice(cut.length))) > known) ?? null;
}

/** How many names the dialect knows that knows most of them. */
function count(names: readonly string[]): number {
  const dialect = detectDialect(names);
  return dialect === null ? 0 : knownNames(names, dialect);
}

/** What all names begin with. */
function commonPrefix([first = "", ...names]: readonly string[]): string {
  let length = first.length;
  for (const name of names) while (!name.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/** The same file with a prefix left out of the names that have it; names that would then be two are left as they are. */
export function withoutPrefix(file: TensorFile, prefix: string): TensorFile {
  const original = new Map<string, string>();
  const tensors = [...file.tensors.values()].map(tensor => {
    const short = tensor.name.startsWith(prefix) ? tensor.name.slice(prefix.length) : tensor.name;
    const name = short !== tensor.name && (file.tensors.has(short) || original.has(short)) ? tensor.name : short;
    original.set(name, tensor.name);
    return { ...tensor, name };
  });
  const nameIn = (name: string): string => original.get(name) ?? name;
  const { parts } = file;
  return {
    ...file,
    tensors: new Map(tensors.map(tensor => [tensor.name, tensor])),
    bytes: name => file.bytes(nameIn(name)),
    ...(parts === undefined ? {} : { parts: name => parts(nameIn(name)) }),
  };
}
