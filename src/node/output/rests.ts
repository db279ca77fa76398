import type { Stats } from "node:fs";
import * as path from "node:path";
import { ownerOf } from "../files/temp-files.ts";
import { type FsOps, lookAt } from "./fs.ts";
import { namesBeside } from "./lock.ts";

/** Folders that a run which was ended left beside an output directory. */
export function restsOf(ops: FsOps, directory: string): readonly string[] {
  const { parent, old, tempPrefix } = namesBeside(directory);
  return ops
    .readdirSync(parent)
    .sort()
    .map(name => path.join(parent, name))
    .filter(rest => rest === old || ownerOf(path.basename(rest), tempPrefix) !== null)
    .filter(rest => lookAt(ops, rest)?.isDirectory());
}

/**
 * Names that a file has, as far as they are ours: while a new tree is made, what stays unchanged stands in both, and after
 * a kill it does until the next run.
 */
export function ownNames(ops: FsOps, file: string, { dev, ino }: Stats): number {
  let names = 1;
  const visit = (folder: string): void => {
    for (const { name } of ops.readdirSync(folder, { withFileTypes: true })) {
      const at = path.join(folder, name);
      const stat = lookAt(ops, at);
      if (stat?.isDirectory()) visit(at);
      else if (stat?.dev === dev && stat.ino === ino) names++;
    }
  };
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder))
    for (const rest of restsOf(ops, folder)) visit(rest);
  return names;
}
