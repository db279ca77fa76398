import type { Diagnostic, Place } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";

/** The errno of what Node's fs threw, or null where it is something else, and so a bug. */
export const errnoOf = (cause: unknown): string | null =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null;

type Explain = (place: Place, action: string) => Diagnostic;

const explanations: Readonly<Record<string, Explain>> = {
  ENOENT: place => error("file-not-found", place),
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
