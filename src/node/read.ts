import * as fs from "node:fs";
import { type Diagnostic, fail, ok, type Result, type Source } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { decodeSpec } from "../syntax/decode.ts";
import { limits } from "../syntax/limits.ts";
import { errnoOf, ioError, pathProblem } from "./errno.ts";

/** Opening a pipe that nobody writes to would wait for ever. */
const openFlags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

/** A spec out of a regular file, or for `-` out of standard input. Refuses by size before it reads. */
export function readSpec(file: string): Result<Source> {
  const tooLarge = (size: number) => error("spec-too-large", { file, offset: null }, size, limits.bytes);
  const bytes = file === "-" ? readStandardInput(limits.bytes, tooLarge) : readFileWithin(file, limits.bytes, tooLarge);
  return bytes.ok ? decodeSpec(bytes.value, file) : bytes;
}

type TooLarge = (size: number) => Diagnostic;

/** The bytes of a regular file of at most `limit`, or the diagnostic that `tooLarge` makes of its size. */
export function readFileWithin(file: string, limit: number, tooLarge: TooLarge): Result<Uint8Array> {
  const problem = pathProblem(file);
  if (problem !== null) return fail(problem);
  let descriptor: number | null = null;
  try {
    descriptor = fs.openSync(file, openFlags);
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) return fail(error("not-a-file", { file, offset: null }, describeFile(stat)));
    if (stat.size > limit) return fail(tooLarge(stat.size));
    const bytes = readUpTo(descriptor, limit + 1); // a file of /proc has no size
    return bytes.length > limit ? fail(tooLarge(bytes.length)) : ok(bytes);
  } catch (cause) {
    return fail(ioError(cause, file, "read it"));
  } finally {
    if (descriptor !== null) fs.closeSync(descriptor);
  }
}

function readStandardInput(limit: number, tooLarge: TooLarge): Result<Uint8Array> {
  try {
    const bytes = readUpTo(0, limit + 1);
    return bytes.length > limit ? fail(tooLarge(bytes.length)) : ok(bytes);
  } catch (cause) {
    return fail(ioError(cause, "-", "read standard input"));
  }
}

/** Reads to the end or to `limit` bytes; a terminal or pipe that has nothing yet is asked again. */
function readUpTo(descriptor: number, limit: number): Uint8Array {
  const bytes = new Uint8Array(limit);
  let length = 0;
  while (length < limit) {
    const read = readSome(descriptor, bytes, length);
    if (read === 0) break;
    length += read;
  }
  return bytes.slice(0, length);
}

function readSome(descriptor: number, into: Uint8Array, at: number): number {
  for (;;) {
    try {
      return fs.readSync(descriptor, into, at, into.length - at, null);
    } catch (cause) {
      const code = errnoOf(cause);
      if (code === "EOF") return 0; // how Windows ends a pipe
      if (code !== "EAGAIN" && code !== "EINTR") throw cause;
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

export function describeFile(stat: fs.Stats): string {
  if (stat.isDirectory()) return "a directory";
  if (stat.isFIFO()) return "a pipe";
  if (stat.isSocket()) return "a socket";
  if (stat.isSymbolicLink()) return "a link";
  return stat.isFile() ? "a file" : "a device";
}
