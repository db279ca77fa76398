import type { Stats } from "node:fs";
import * as path from "node:path";
import type { Diagnostic, FilePlace } from "../../../diagnostics/diagnostic.ts";
import { quoted } from "../../../diagnostics/messages/quoted.ts";
import { error } from "../../../diagnostics/messages.ts";
import { describeFile } from "../../files/read.ts";
import { type FsOps, lookAt } from "../../output/fs.ts";
import type { ManifestEntry } from "../../output/manifest.ts";
import { ownNames } from "../../output/rests.ts";
import { crookedFolder, hashOf } from "../../output/tree.ts";

/** Why a file is not the one that the manifest lists, or null. Its bytes are read only where it lies in the folder itself. */
export function entryProblem(ops: FsOps, folder: string, entry: ManifestEntry): Diagnostic | null {
  const place = { file: path.join(folder, entry.path), offset: null };
  const crooked = crookedFolder(ops, folder, entry.path);
  if (crooked !== null)
    return error("artifact-path", place, entry.path, `leads through ${quoted(crooked)}, which is no folder`);
  const stat = lookAt(ops, place.file);
  if (stat === null) return error("artifact-missing", place);
  const problem = linkProblem(ops, stat, { place, file: place.file, named: entry.path });
  if (problem !== null) return problem;
  if (!stat.isFile()) return error("artifact-changed", place, `it is ${describeFile(stat)}`);
  if (stat.size !== entry.size)
    return error("artifact-changed", place, `it has ${stat.size} bytes, and the manifest says ${entry.size}`);
  return hashOf(ops, folder, entry.path, entry.size) === entry.sha256
    ? null
    : error("artifact-changed", place, "its SHA-256 is not the one in the manifest");
}

/** A link, and a file with a second name, may be anybody's: what is read through it comes from somewhere else. */
export function linkProblem(
  ops: FsOps,
  stat: Stats,
  { place, file, named }: { readonly place: FilePlace; readonly file: string; readonly named: string },
): Diagnostic | null {
  if (stat.isSymbolicLink()) return error("artifact-path", place, named, "is a link");
  return stat.isFile() && stat.nlink > 1 && stat.nlink > ownNames(ops, file, stat)
    ? error("artifact-path", place, named, "is a file that has a second name elsewhere (a hard link)")
    : null;
}
