import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { pathProblem } from "../files/errno.ts";
import { describeFile } from "../files/read.ts";
import { type FsOps, lookAt } from "./fs.ts";

export interface DirectoryRequest {
  readonly directory: string;
  /** Files that the output is made from: none may lie inside. */
  readonly inputs: readonly string[];
  /** Where the output may be if `directory` is a link. */
  readonly project: string;
  readonly followOutside: boolean;
}

const inside = (folder: string, file: string): boolean => {
  const relative = path.relative(folder, file);
  return relative === "" || (relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative));
};

/** Where the output directory really is, links resolved once and for all; it need not exist. */
export function outputDirectory(ops: FsOps, request: DirectoryRequest): string {
  const problem: Diagnostic | null = pathProblem(request.directory);
  if (problem !== null) throw new Failure(problem);
  const named = path.resolve(request.directory);
  const place = { file: request.directory, offset: null };
  const stat = lookAt(ops, named);
  const real = stat === null ? withRealParent(ops, named) : ops.realpathSync(named);
  if (stat?.isSymbolicLink() && !request.followOutside && !inside(ops.realpathSync(request.project), real))
    throw new Failure(error("output-outside", place, real));
  const found = lookAt(ops, real);
  if (found !== null && !found.isDirectory()) throw new Failure(error("not-a-directory", place, describeFile(found)));
  if (found !== null)
    for (const input of request.inputs)
      if (inside(real, realOf(ops, input))) throw new Failure(error("output-holds-input", place, input));
  return real;
}

const realOf = (ops: FsOps, file: string): string =>
  lookAt(ops, file) === null ? path.resolve(file) : ops.realpathSync(file);

/** The nearest folder above that exists, resolved, and the rest as it was named. */
function withRealParent(ops: FsOps, file: string): string {
  const parent = path.dirname(file);
  if (parent === file) return file;
  const real = lookAt(ops, parent) === null ? withRealParent(ops, parent) : ops.realpathSync(parent);
  return path.join(real, path.basename(file));
}
