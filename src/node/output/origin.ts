import * as path from "node:path";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { type FsOps, lookAt } from "./fs.ts";
import type { Made, Manifest, ManifestEntry } from "./manifest.ts";
import type { OutputFile } from "./output-file.ts";

/** What the files of a request are made from. */
export interface Origin {
  readonly compiler: string;
  readonly specs: readonly SpecOrigin[];
  readonly options: Readonly<Record<string, unknown>>;
  /** Not all that the specs declare: what an earlier command made of their other models stays. */
  readonly partial?: boolean;
}

export interface SpecOrigin {
  readonly name: string;
  readonly sha256: string;
  /** Where the spec is; left out where it is no file. */
  readonly file?: string;
  /** The topmost folders that hold what is made of it; left out where that is all there is. */
  readonly folders?: readonly string[];
}

/** What a directory will hold besides what is the user's. */
export interface Merged {
  /** The manifest's specs whose files stay as they are. */
  readonly others: readonly Made[];
  /** The manifest of all, given the files of the request. */
  readonly made: (entries: readonly ManifestEntry[]) => readonly Made[];
}

/**
 * What becomes of the files of earlier commands. Those of the same specs are replaced, of a partial one those in the same
 * folders; those of other specs stay, and throw a `Failure` where the request would write into their folders. A spec none of
 * whose files is left is forgotten.
 */
export function merge(
  ops: FsOps,
  directory: string,
  before: Manifest | null,
  { specs, options, partial = false }: Origin,
  requested: readonly OutputFile[],
): Merged {
  const named = specs.map(spec => ({ ...spec, path: pathFrom(ops, directory, spec) }));
  const wanted = new Set(requested.map(folderOf));
  const isThere = ({ path: file }: ManifestEntry): boolean => lookAt(ops, path.join(directory, file)) !== null;
  const others = (before?.specs ?? []).flatMap(one => {
    const same = named.find(spec => isSame(one, spec));
    if (same !== undefined && !partial && isCertain(same)) return [];
    const files = same === undefined ? one.files : one.files.filter(file => !wanted.has(folderOf(file)));
    if (!files.some(isThere)) return [];
    const shared = same === undefined ? files.find(file => wanted.has(folderOf(file))) : undefined;
    if (shared === undefined) return [{ ...one, files }];
    const folder = path.join(directory, shared.path.split("/")[0] ?? "");
    throw new Failure(error("output-of-another", { file: folder, offset: null }, one.path));
  });
  const made = (entries: readonly ManifestEntry[]): readonly Made[] => [
    ...others,
    ...named.map(({ path, sha256, folders }) => {
      const inside = folders === undefined ? null : new Set(folders.map(folder => folder.toLowerCase()));
      return { path, sha256, options, files: entries.filter(file => inside?.has(folderOf(file)) ?? true) };
    }),
  ];
  return { others, made };
}

/** The topmost folder of a file; some file systems tell no cases apart. */
const folderOf = ({ path }: { readonly path: string }): string => (path.split("/")[0] ?? "").toLowerCase();

/**
 * A spec's path from the output, which is the same wherever the two lie and however the command named them; its name where
 * they have no folder in common, since the way from one to the other then says where things are on this machine.
 */
function pathFrom(ops: FsOps, directory: string, { name, file }: SpecOrigin): string {
  if (file === undefined) return name;
  const real = path.join(ops.realpathSync(path.dirname(file)), path.basename(file));
  const relative = path.relative(directory, real);
  const topOf = (at: string): string | undefined => at.split(path.sep)[1];
  if (path.isAbsolute(relative) || topOf(real) !== topOf(directory)) return name;
  return relative.split(path.sep).join("/");
}

/** Whether no other file could be meant: of two far specs of one name, one must not remove what the other gave. */
const isCertain = ({ path, file }: SpecOrigin & { readonly path: string }): boolean =>
  file === undefined || path.includes("/");

/** No path from an output is a bare name, since no output holds its spec: where there is one, no more was known. */
const isSame = (made: Made, { name, path }: { readonly name: string; readonly path: string }): boolean =>
  made.path === path || (!made.path.includes("/") && made.path === name);
