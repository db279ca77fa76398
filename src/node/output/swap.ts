import * as path from "node:path";
import type { Diagnostic, Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { Failure } from "../failure.ts";
import { type FsOps, lookAt } from "./fs.ts";
import { namesBeside } from "./lock.ts";
import { type Manifest, manifestName, readManifest } from "./manifest.ts";
import { foldersOf, strangers } from "./tree.ts";

/** What an output directory holds now. `manifest` is null where it is missing or empty. */
export interface Before {
  readonly identity: string | null;
  readonly manifest: Manifest | null;
  /** The manifest's own text. */
  readonly text: string;
}

const manifestLimit = 16 << 20;

/** Reads what is there, and refuses what is not ours to replace. */
export function lookBefore(ops: FsOps, directory: string): Before {
  const stat = lookAt(ops, directory);
  if (stat === null) return { identity: null, manifest: null, text: "" };
  const place = { file: directory, offset: null };
  if (!stat.isDirectory()) throw new Failure(error("not-a-directory", place, "something else"));
  const identity = `${stat.dev}:${stat.ino}`;
  const file = path.join(directory, manifestName);
  const found = lookAt(ops, file);
  if (found === null) {
    const [first] = ops.readdirSync(directory).sort();
    if (first !== undefined) throw new Failure(error("output-foreign", place, first));
    return { identity, manifest: null, text: "" };
  }
  const damage = found.isFile() ? (found.size > manifestLimit ? "is too large" : null) : "is no regular file";
  if (damage !== null) throw new Failure(error("output-damaged", place, damage));
  const text = String(ops.readFileSync(file, "utf8"));
  return { identity, manifest: accept(readManifest(text, file)), text };
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
    if (folders.has(entry)) return error("output-redirected", place, entry);
    if (!wanted.has(entry)) continue;
    const isFolder = lookAt(ops, file)?.isDirectory() ?? false;
    return isFolder ? error("not-a-file", place, "a directory") : error("output-foreign", place, entry);
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
  const kept = strangers(ops, directory, pathsOf(before.manifest));
  const problem = conflict(ops, directory, kept, wanted);
  if (problem !== null) throw new Failure(problem);

  const { old } = namesBeside(directory);
  const undo: (() => void)[] = [];
  const step = (from: string, to: string) => {
    ops.renameSync(from, to);
    undo.push(() => ops.renameSync(to, from));
  };
  try {
    step(directory, old);
    step(temp, directory);
    for (const entry of kept) {
      ops.mkdirSync(path.join(directory, path.dirname(entry)), { recursive: true });
      step(path.join(old, entry), path.join(directory, entry));
    }
  } catch (cause) {
    for (const back of undo.reverse()) {
      try {
        back();
      } catch {
        break; // the next run finds both trees, or the old one only, and goes on from there
      }
    }
    throw cause;
  }
  return kept;
}

/**
 * Finishes or takes back what an earlier run left half done, and removes its rests. Only the holder of the lock may.
 * Gives whether the directory had been missing.
 */
export function recover(ops: FsOps, directory: string): boolean {
  const { old, tempPrefix } = namesBeside(directory);
  const restored = lookAt(ops, old) !== null && lookAt(ops, directory) === null;
  if (restored) ops.renameSync(old, directory);
  else if (lookAt(ops, old) !== null) {
    const left = lookBefore(ops, old);
    for (const entry of strangers(ops, old, pathsOf(left.manifest))) {
      const to = path.join(directory, entry);
      if (lookAt(ops, to) !== null) throw new Failure(error("output-redirected", { file: to, offset: null }, entry));
      ops.mkdirSync(path.dirname(to), { recursive: true });
      ops.renameSync(path.join(old, entry), to);
    }
    ops.rmSync(old, { recursive: true, force: true });
  }
  const parent = path.dirname(directory);
  for (const name of ops.readdirSync(parent))
    if (path.join(parent, name).startsWith(tempPrefix))
      ops.rmSync(path.join(parent, name), { recursive: true, force: true });
  return restored;
}
