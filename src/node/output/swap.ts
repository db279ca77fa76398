import * as path from "node:path";
import type { Diagnostic, Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { type FsOps, lookAt } from "./fs.ts";
import { namesBeside } from "./lock.ts";
import { beforeWriting, type Manifest, manifestName, manifestText, readManifest } from "./manifest.ts";
import { foldersOf, foreignEntries } from "./tree.ts";

/** What an output directory holds now. `manifest` is null where it is missing or empty. */
export interface Before {
  readonly identity: string | null;
  readonly manifest: Manifest | null;
  /** The manifest's own text. */
  readonly text: string;
}

/** Reads what is there, and refuses what is not ours to replace. */
export function lookBefore(ops: FsOps, directory: string): Before {
  const stat = lookAt(ops, directory);
  if (stat === null) return { identity: null, manifest: null, text: "" };
  const place = { file: directory, offset: null };
  if (!stat.isDirectory()) throw new Failure(error("not-a-directory", place, "something else"));
  const identity = `${stat.dev}:${stat.ino}`;
  const text = manifestText(ops, directory, beforeWriting);
  if (text === null) {
    const [first] = ops.readdirSync(directory).sort();
    if (first !== undefined) throw new Failure(error("output-foreign", place, first));
    return { identity, manifest: null, text: "" };
  }
  return { identity, manifest: accept(readManifest(text, path.join(directory, manifestName))), text };
}

function accept<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Failure(result.diagnostics[0] as Diagnostic);
}

export const pathsOf = (manifest: Manifest | null): ReadonlySet<string> =>
  new Set(manifest?.files.map(({ path }) => path) ?? []);

/** Why a file or folder of the user's stands in the way of what would be written, or null. */
export function conflict(
  ops: FsOps,
  directory: string,
  kept: readonly string[],
  wanted: ReadonlySet<string>,
): Diagnostic | null {
  const folders = foldersOf(wanted);
  for (const entry of kept) {
    const file = path.join(directory, entry);
    const place = { file, offset: null };
    if (!folders.has(entry) && !wanted.has(entry)) continue;
    const stat = lookAt(ops, file);
    if (stat?.isDirectory()) return error("not-a-file", place, "a directory");
    return stat?.isSymbolicLink() ? error("output-redirected", place, entry) : error("output-foreign", place, entry);
  }
  return null;
}

/**
 * Puts `temp` where `directory` is, in one turn of the event loop, so that no signal comes in between. What is the user's
 * moves over. When a step fails, the steps before it are taken back; what even that cannot mend, `recover` does.
 */
export function swap(
  ops: FsOps,
  directory: string,
  temp: string,
  before: Before,
  wanted: ReadonlySet<string>,
): readonly string[] {
  const now = lookAt(ops, directory);
  const place = { file: directory, offset: null };
  if (before.identity !== null && now === null) throw new Failure(error("output-vanished", place));
  if (now !== null && `${now.dev}:${now.ino}` !== before.identity)
    throw new Failure(error("output-redirected", place, path.basename(directory)));
  if (before.manifest === null) {
    if (now !== null) ops.rmdirSync(directory); // it was empty; if it no longer is, this fails
    ops.renameSync(temp, directory);
    return [];
  }
  const kept = foreignEntries(ops, directory, pathsOf(before.manifest), wanted);
  const problem = conflict(ops, directory, kept, wanted);
  if (problem !== null) throw new Failure(problem);

  const { old } = namesBeside(directory);
  const moved: string[] = [];
  try {
    ops.renameSync(directory, old);
    ops.renameSync(temp, directory);
    const [odd] = foreignEntries(ops, directory, wanted);
    if (odd !== undefined) throw new Failure(error("output-redirected", place, odd));
    for (const entry of kept) {
      makeFolders(ops, directory, entry);
      ops.renameSync(path.join(old, entry), path.join(directory, entry));
      moved.push(entry);
    }
  } catch (cause) {
    takeBack(ops, directory, temp, old, moved);
    throw cause;
  }
  return kept;
}

/** The folders above an entry, but never the directory itself: if that is gone, its loss must show. */
function makeFolders(ops: FsOps, directory: string, entry: string): void {
  for (const folder of [...foldersOf([entry])].reverse())
    if (lookAt(ops, path.join(directory, folder)) === null) ops.mkdirSync(path.join(directory, folder));
}

/** Undoes as much of a swap as can be undone without losing anything of the user's; the rest is for `recover`. */
function takeBack(ops: FsOps, directory: string, temp: string, old: string, moved: readonly string[]): void {
  try {
    if (lookAt(ops, old) === null) return;
    for (const entry of [...moved].reverse()) ops.renameSync(path.join(directory, entry), path.join(old, entry));
    if (lookAt(ops, directory) !== null) ops.renameSync(directory, temp);
    ops.renameSync(old, directory);
  } catch {
    // the next run finds both trees, or the old one only, and goes on from there
  }
}

/**
 * Finishes or takes back what an earlier run left half done, and removes its rests. Only the holder of the lock may.
 * Gives whether the directory had been missing.
 */
export function recover(ops: FsOps, directory: string): boolean {
  const { old, tempPrefix } = namesBeside(directory);
  const parent = path.dirname(directory);
  for (const name of ops.readdirSync(parent))
    if (path.join(parent, name).startsWith(tempPrefix))
      ops.rmSync(path.join(parent, name), { recursive: true, force: true });
  const restored = lookAt(ops, old) !== null && lookAt(ops, directory) === null;
  if (restored) ops.renameSync(old, directory);
  else if (lookAt(ops, old) !== null) {
    const [left, now] = [lookBefore(ops, old), lookBefore(ops, directory)];
    for (const entry of foreignEntries(ops, old, pathsOf(left.manifest), pathsOf(now.manifest))) {
      const to = path.join(directory, entry);
      if (lookAt(ops, to) !== null) throw new Failure(error("output-redirected", { file: to, offset: null }, entry));
      makeFolders(ops, directory, entry);
      ops.renameSync(path.join(old, entry), to);
    }
    discard(ops, directory);
  }
  return restored;
}

/**
 * Removes the replaced tree, in which nothing of the user's is left. Under a name that says so: a kill half way may take
 * the manifest first, and without it nobody could tell whose the rest is.
 */
export function discard(ops: FsOps, directory: string): void {
  const { old, trash } = namesBeside(directory);
  if (lookAt(ops, old) === null) return;
  ops.renameSync(old, trash);
  ops.rmSync(trash, { recursive: true, force: true });
}
