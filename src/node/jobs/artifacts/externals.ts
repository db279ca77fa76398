import * as path from "node:path";
import type { External } from "../../../artifact/initializers.ts";
import type { Diagnostic } from "../../../diagnostics/diagnostic.ts";
import { quoted } from "../../../diagnostics/messages/quoted.ts";
import { error, withNote } from "../../../diagnostics/messages.ts";
import { describeFile } from "../../files/read.ts";
import { type FsOps, lookAt } from "../../output/fs.ts";
import { pathProblem } from "../../output/manifest.ts";
import { crookedFolder } from "../../output/tree.ts";
import { linkProblem } from "./files.ts";

/** The model that names a file, and what is known of the folder that neither may leave. */
export interface Naming {
  readonly root: string;
  /** Below the root, with `/` between the parts. */
  readonly model: string;
  /** As the user knows it. */
  readonly name: string;
  /** Files below the root that have been checked already: one that is missing has been reported. */
  readonly listed: ReadonlySet<string>;
  /** The file may be missing: the model was compiled without weights. */
  readonly optional: boolean;
}

/** Why a tensor's bytes cannot be where a model says, or null. The file is looked at and not read. */
export function externalProblem(
  ops: FsOps,
  { root, model, name, listed, optional }: Naming,
  { tensor, location, offset, length, at }: External,
): Diagnostic | null {
  const place = { file: name, offset: at };
  const astray = pathProblem(location);
  if (astray !== null) return error("artifact-path", place, location, astray);
  const below = path.posix.join(path.posix.dirname(model), location);
  const crooked = crookedFolder(ops, root, below);
  if (crooked !== null)
    return error("artifact-path", place, location, `leads through ${quoted(crooked)}, which is no folder`);
  const file = path.join(root, below);
  const stat = lookAt(ops, file);
  if (stat === null) {
    if (optional || listed.has(below)) return null;
    return withNote(error("file-not-found", { file, offset: null }), `${quoted(tensor)} has its data there`, place);
  }
  const linked = linkProblem(ops, stat, { place, file, named: location });
  if (linked !== null) return linked;
  if (!stat.isFile()) return error("not-a-file", { file, offset: null }, describeFile(stat));
  return offset + length > stat.size
    ? error("onnx-data", place, tensor, `end at byte ${offset + length} of ${quoted(location)}, which has ${stat.size}`)
    : null;
}
