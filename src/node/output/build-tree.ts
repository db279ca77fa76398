import { createHash } from "node:crypto";
import * as path from "node:path";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { errnoOf } from "../files/errno.ts";
import { breathe, type FsOps, lookAt } from "./fs.ts";
import { byPath, type ManifestEntry, manifestName } from "./manifest.ts";
import type { OutputFile } from "./output-file.ts";
import { foldersOf, foreignEntries, partsOf } from "./tree.ts";
import { prepareFolders, syncFolder, writeNew } from "./write.ts";

export interface NewTree {
  readonly entries: readonly ManifestEntry[];
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
}

export interface Trees {
  /** The output directory, and SHA-256 of the files there that are ours. */
  readonly directory: string;
  readonly known: ReadonlyMap<string, string>;
  /** The sibling in which the new tree grows. */
  readonly temp: string;
}

/** Writes to `temp` the files that the directory lacks or has otherwise; nothing at all where it has every one. */
export async function writeChanged(ops: FsOps, trees: Trees, files: readonly OutputFile[]): Promise<NewTree> {
  const { known, temp } = trees;
  const entries: ManifestEntry[] = [];
  const unchanged: string[] = [];
  const changed: { readonly path: string; readonly bytes: Uint8Array }[] = [];
  ops.mkdirSync(temp);
  const streamed: string[] = [];
  for (const { path: file, contents } of [...files].sort(byPath)) {
    if (typeof contents === "string" || contents instanceof Uint8Array) {
      const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      entries.push({ path: file, size: bytes.length, sha256 });
      if (known.get(file) === sha256) unchanged.push(file);
      else changed.push({ path: file, bytes });
    } else {
      const written = await writeNew(ops, temp, file, contents);
      entries.push({ path: file, ...written });
      const same = known.get(file) === written.sha256;
      if (same) ops.unlinkSync(path.join(temp, file));
      (same ? unchanged : streamed).push(file);
    }
    await breathe();
  }
  for (const { path: file, bytes } of changed) await writeNew(ops, temp, file, bytes);
  return { entries, written: [...streamed, ...changed.map(({ path }) => path)].sort(), unchanged };
}

/**
 * Completes `temp`: the unchanged files, those of other specs and the manifest. All is on the disk then, and nothing is in
 * it but ours.
 */
export async function seal(
  ops: FsOps,
  { directory, temp }: Trees,
  { entries, unchanged, others }: NewTree & { readonly others: readonly string[] },
  manifest: string,
): Promise<void> {
  for (const file of [...unchanged, ...others]) {
    await carryOver(ops, directory, temp, file);
    await breathe();
  }
  await writeNew(ops, temp, manifestName, Buffer.from(manifest));
  const wanted = new Set([...entries.map(({ path }) => path), ...others]);
  const [stranger] = foreignEntries(ops, temp, wanted);
  if (stranger !== undefined)
    throw new Failure(error("output-redirected", { file: directory, offset: null }, stranger));
  for (const folder of [...foldersOf(wanted)].sort().reverse()) syncFolder(ops, path.join(temp, folder));
  syncFolder(ops, temp);
  const mode = lookAt(ops, directory)?.mode;
  if (mode !== undefined) ops.chmodSync(temp, mode & 0o7777);
}

const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES"]);

/** A second name for the same file, so that its time of change stays; a copy where the file system knows no such thing. */
async function carryOver(ops: FsOps, directory: string, temp: string, file: string): Promise<void> {
  prepareFolders(ops, temp, file);
  try {
    ops.linkSync(path.join(directory, file), path.join(temp, file));
  } catch (cause) {
    if (!noLinks.has(errnoOf(cause) ?? "")) throw cause;
    await writeNew(ops, temp, file, partsOf(ops, path.join(directory, file)));
  }
}
