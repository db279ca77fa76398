import * as fs from "node:fs";
import { type Diagnostic, fail, ok, type Result, type Source } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { decodeSpec } from "../../syntax/decode.ts";
import { limits } from "../../syntax/limits.ts";
import { ioError, pathProblem } from "./errno.ts";
import { noteRead } from "./read-so-far.ts";

/** Opening a pipe that nobody writes to would wait for ever. */
const openFlags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);

const tooLarge =
  (file: string): TooLarge =>
  size =>
    error("spec-too-large", { file, offset: null }, size, limits.bytes);

/**
 * A spec out of a regular file, refused by its size before it is read. `-` stands for `stdin`, which the main thread has
 * read: a thread that waits for input could not be interrupted.
 */
export function readSpec(file: string, stdin: Uint8Array | null): Result<Source> {
  if (file === "-") return decodeSpec(stdin ?? new Uint8Array(), file);
  const bytes = readFileWithin(file, limits.bytes, tooLarge(file));
  return bytes.ok ? decodeSpec(bytes.value, file) : bytes;
}

/** Standard input, if any of the files is `-`; no more of it than what is too much for a spec. */
export async function readStdin(files: readonly string[]): Promise<Uint8Array | null> {
  if (!files.includes("-")) return null;
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of process.stdin) {
      parts.push(part);
      size += part.length;
      if (size > limits.bytes) break;
    }
  } catch (cause) {
    throw new Failure(ioError(cause, "-", "read standard input"));
  }
  return Buffer.concat(parts).subarray(0, limits.bytes + 1);
}

type TooLarge = (size: number) => Diagnostic;

/** The first bytes of a regular file. */
export function readBeginning(file: string, limit: number): Result<Uint8Array> {
  return opened(file, descriptor => ok(readUpTo(descriptor, limit, limit)));
}

/** The bytes of a regular file of at most `limit`, or the diagnostic that `refuse` makes of its size. */
export function readFileWithin(file: string, limit: number, refuse: TooLarge): Result<Uint8Array> {
  return opened(file, (descriptor, { size }) => {
    noteRead(file, file);
    if (size > limit) return fail(refuse(size));
    const bytes = readUpTo(descriptor, size + 1, limit + 1); // a file of /proc has no size
    return bytes.length > limit ? fail(refuse(bytes.length)) : ok(bytes);
  });
}

/** What is made of a regular file while it is open. */
function opened<T>(file: string, use: (descriptor: number, stat: fs.Stats) => Result<T>): Result<T> {
  const problem = pathProblem(file);
  if (problem !== null) return fail(problem);
  let descriptor: number | null = null;
  try {
    descriptor = fs.openSync(file, openFlags);
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) return fail(error("not-a-file", { file, offset: null }, describeFile(stat)));
    return use(descriptor, stat);
  } catch (cause) {
    return fail(ioError(cause, file, "read it"));
  } finally {
    if (descriptor !== null) fs.closeSync(descriptor);
  }
}

/** Reads to the end or to `limit` bytes; `likely` is how many there will be. */
function readUpTo(descriptor: number, likely: number, limit: number): Uint8Array {
  let bytes = new Uint8Array(Math.min(likely, limit));
  let length = 0;
  for (;;) {
    const read = fs.readSync(descriptor, bytes, length, bytes.length - length, null);
    length += read;
    if (read === 0 || length === limit) return bytes.subarray(0, length);
    if (length < bytes.length) continue;
    const larger = new Uint8Array(Math.min(limit, Math.max(2 * length, 1 << 16)));
    larger.set(bytes);
    bytes = larger;
  }
}

export function describeFile(stat: fs.Stats): string {
  if (stat.isDirectory()) return "a directory";
  if (stat.isFIFO()) return "a pipe";
  if (stat.isSocket()) return "a socket";
  if (stat.isSymbolicLink()) return "a link";
  return stat.isFile() ? "a file" : "a device";
}
