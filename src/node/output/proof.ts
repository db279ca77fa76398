import * as path from "node:path";
import { breathe, type FsOps, lookAt } from "./fs.ts";
import type { Manifest } from "./manifest.ts";
import { crookedFolder, hashOf } from "./tree.ts";

/** What a directory holds of the files that its manifest lists. */
export interface Proof {
  /** Those that are byte for byte what was written, and how each stood when that was found. */
  readonly ours: ReadonlyMap<string, string>;
  /** Those that are links now. What a link leads to is never touched, and it holds nothing itself. */
  readonly links: ReadonlySet<string>;
  /** Those that somebody has changed since: they are the user's. */
  readonly edited: readonly string[];
}

/** Compares every file with its size and hash in the manifest, which anybody can have written. */
export async function prove(ops: FsOps, directory: string, manifest: Manifest | null): Promise<Proof> {
  const ours = new Map<string, string>();
  const links = new Set<string>();
  const edited: string[] = [];
  for (const { path: file, size, sha256 } of manifest?.files ?? []) {
    const before = standing(ops, directory, file);
    if (before === null) continue;
    if (before === "link") links.add(file);
    else if (before !== "folder" && hashOf(ops, directory, file, size) === sha256) ours.set(file, before);
    else if (before !== "folder") edited.push(file);
    await breathe();
  }
  return { ours, links, edited };
}

/** What may go: files that stand as they did when they were proven, and links where `wanted` files will be. */
export function stillOurs(
  ops: FsOps,
  directory: string,
  { ours, links }: Proof,
  wanted: ReadonlySet<string>,
): ReadonlySet<string> {
  const files = [...ours].filter(([file, before]) => standing(ops, directory, file) === before).map(([file]) => file);
  return new Set([...files, ...[...links].filter(file => wanted.has(file))]);
}

/** By what a change of a file shows; null where there is none, or where its folder is not one. */
function standing(ops: FsOps, directory: string, file: string): string | null {
  if (crookedFolder(ops, directory, file) !== null) return null;
  const stat = lookAt(ops, path.join(directory, file));
  if (stat === null) return null;
  if (stat.isSymbolicLink()) return "link";
  return stat.isFile() ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : "folder";
}
