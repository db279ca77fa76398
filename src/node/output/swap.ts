import * as path from "node:path";
import type { Diagnostic, Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { type FsOps, lookAt } from "./fs.ts";
import { namesBeside } from "./lock.ts";
import { beforeWriting, type Manifest, manifestName, manifestText, readManifest } from "./manifest.ts";
import { type Proof, prove, stillOurs } from "./proof.ts";
import { restsOf } from "./rests.ts";
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
  edited: readonly string[],
): Diagnostic | null {
  const folders = foldersOf(wanted);
  const [first, ...more] = edited.filter(file => wanted.has(file) && kept.includes(file));
  if (first !== undefined)
    return error("output-edited", { file: path.join(directory, first), offset: null }, more.length);
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
  { proof, wanted }: { readonly proof: Proof; readonly wanted: ReadonlySet<string> },
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
  const ours = stillOurs(ops, directory, proof, wanted);
  const kept = foreignEntries(ops, directory, ours, wanted);
  const edited = [...proof.edited, ...proof.ours.keys()].filter(file => !ours.has(file));
  const problem = conflict(ops, directory, kept, wanted, edited);
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
export async function recover(ops: FsOps, directory: string): Promise<boolean> {
  const { old } = namesBeside(directory);
  for (const rest of restsOf(ops, directory)) if (rest !== old) ops.rmSync(rest, { recursive: true, force: true });
  if (lookAt(ops, old) === null) return false;
  if (lookAt(ops, directory) === null) {
    ops.renameSync(old, directory);
    return true;
  }
  const [left, now] = [lookBefore(ops, old), lookBefore(ops, directory)];
  // Those of another spec that the user has changed are in its manifest, and may not have moved over yet.
  const isThere = (file: string): boolean => lookAt(ops, path.join(directory, file)) !== null;
  const wanted = new Set([...pathsOf(now.manifest)].filter(isThere));
  const ours = stillOurs(ops, old, await prove(ops, old, left.manifest), wanted);
  for (const entry of foreignEntries(ops, old, ours, wanted)) {
    const to = path.join(directory, entry);
    if (lookAt(ops, to) !== null)
      throw new Failure(error("output-unfinished", { file: directory, offset: null }, entry, old));
    makeFolders(ops, directory, entry);
    ops.renameSync(path.join(old, entry), to);
  }
  discard(ops, directory, ours);
  return false;
}

/**
 * Removes the replaced tree, if nothing is left in it but what is ours. Under a name that says so: a kill half way may
 * take the manifest first, and without it nobody could tell whose the rest is.
 */
export function discard(ops: FsOps, directory: string, ours: ReadonlySet<string>): void {
  const { old, newTemp } = namesBeside(directory);
  if (lookAt(ops, old) === null || foreignEntries(ops, old, ours).length > 0) return;
  const trash = newTemp();
  ops.renameSync(old, trash);
  ops.rmSync(trash, { recursive: true, force: true });
}
