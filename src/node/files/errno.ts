import { existsSync } from "node:fs";
import * as path from "node:path";
import type { Diagnostic, Place } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";

/** The errno of what Node's fs threw, or null where it is something else, and so a bug. */
export const errnoOf = (cause: unknown): string | null =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null;

/** What a directory is called while another takes its place: after a kill, what it held may still lie there. */
export const replacedName = (directory: string): string =>
  path.join(path.dirname(directory), `.${path.basename(directory)}.cnxc-old`);

/** Where a folder above is missing since a run was killed while it replaced it, that says where it is. */
function notFound(place: Place): Diagnostic {
  const missing = error("file-not-found", place);
  if (place === null || !("file" in place)) return missing;
  for (let at = path.resolve(place.file); at !== path.dirname(at); at = path.dirname(at))
    if (!existsSync(at) && existsSync(replacedName(at)))
      return withNote(
        missing,
        `an earlier run was ended while it replaced '${path.basename(at)}': what was in it lies in '${replacedName(at)}', and comes back with the next compile`,
      );
  return missing;
}

type Explain = (place: Place, action: string) => Diagnostic;

const explanations: Readonly<Record<string, Explain>> = {
  ENOENT: place => notFound(place),
  ENOTDIR: place => error("not-a-directory", place, "a file on the way to it"),
  EISDIR: place => error("not-a-file", place, "a directory"),
  EACCES: (place, action) => error("permission-denied", place, action),
  EPERM: (place, action) => error("permission-denied", place, action),
  EROFS: (place, action) => error("read-only", place, action),
  ENOSPC: place => error("no-space", place),
  EPIPE: place => error("pipe-closed", place),
  ENAMETOOLONG: place => error("bad-path", place, "is too long"),
  ERR_INVALID_ARG_VALUE: place => error("bad-path", place, "holds a NUL character"),
};

const reasons: Readonly<Record<string, string>> = {
  EDQUOT: "the disk quota is used up",
  EIO: "the device reported an error",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open in the system",
  ELOOP: "its links go round in a circle",
  EBUSY: "it is in use",
  ENXIO: "nothing is at its other end",
};

/** What the file system refused, as a diagnostic; what is no error of the file system is thrown again. */
export function ioError(cause: unknown, file: string, action: string): Diagnostic {
  const code = errnoOf(cause);
  if (code === null || !(/^E[A-Z0-9]+$/.test(code) || code in explanations)) throw cause;
  const place = { file, offset: null };
  return explanations[code]?.(place, action) ?? error("io", place, action, reasons[code] ?? code);
}

/** A path that no file system call should see: the mistake is on the command line. */
export function pathProblem(file: string): Diagnostic | null {
  if (file.includes("\0")) return error("bad-path", null, "holds a NUL character");
  if (Buffer.byteLength(file) > 4096) return error("bad-path", null, "is longer than 4096 bytes");
  return file === "" ? error("bad-path", null, "is empty") : null;
}
