import { createHash } from "node:crypto";
import { constants } from "node:fs";
import * as path from "node:path";
import { closing, type FsOps, lookAt } from "./fs.ts";
import { manifestName } from "./manifest.ts";

const chunk = 1 << 20;
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

/** All folders that lie above these files, inside their root. */
export function foldersOf(files: Iterable<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const file of files)
    for (let at = path.posix.dirname(file); at !== "."; at = path.posix.dirname(at)) folders.add(at);
  return folders;
}

/** The first folder above `file`, inside `root`, that is a link or no folder at all; null where all are as they should. */
export function crookedFolder(ops: FsOps, root: string, file: string): string | null {
  const above = [...foldersOf([file])].reverse();
  return above.find(folder => lookAt(ops, path.join(root, folder))?.isDirectory() === false) ?? null;
}

/** The hash of a regular file of the tree, reached by no link and of this size, or null. */
export function hashOf(ops: FsOps, root: string, file: string, size: number): string | null {
  const hash = createHash("sha256");
  const full = path.join(root, file);
  const stat = lookAt(ops, full);
  if (stat === null || !stat.isFile() || stat.size !== size || crookedFolder(ops, root, file) !== null) return null;
  return closing(ops, ops.openSync(full, readFlags), descriptor => {
    const buffer = new Uint8Array(Math.min(chunk, size));
    for (let at = 0; at < size; ) {
      const read = ops.readSync(descriptor, buffer, 0, Math.min(buffer.length, size - at), at);
      if (read === 0) return null;
      hash.update(buffer.subarray(0, read));
      at += read;
    }
    return hash.digest("hex");
  });
}

/** The bytes of a file, piece by piece. */
export async function* partsOf(ops: FsOps, file: string): AsyncIterable<Uint8Array> {
  const descriptor = ops.openSync(file, readFlags);
  try {
    for (;;) {
      const buffer = new Uint8Array(chunk);
      const read = ops.readSync(descriptor, buffer, 0, chunk, null);
      if (read === 0) return;
      yield buffer.subarray(0, read);
    }
  } finally {
    ops.closeSync(descriptor);
  }
}

/**
 * What lies in a tree beside these files: the topmost entries, sorted, a folder of foreign files as one. In a folder where
 * `wanted` files will lie, each foreign entry counts by itself.
 */
export function foreignEntries(
  ops: FsOps,
  root: string,
  ours: ReadonlySet<string>,
  wanted: ReadonlySet<string> = ours,
): readonly string[] {
  const folders = foldersOf([...ours, ...wanted]);
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of ops.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const at = path.posix.join(folder, entry.name);
      if (at === manifestName || (ours.has(at) && !entry.isDirectory())) continue;
      if (folders.has(at) && entry.isDirectory()) visit(at);
      else found.push(at);
    }
  };
  visit("");
  return found.sort();
}
