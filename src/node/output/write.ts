import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import * as path from "node:path";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { errnoOf } from "../files/errno.ts";
import { breathe, closing, type FsOps } from "./fs.ts";
import { crookedFolder } from "./tree.ts";

const chunk = 1 << 20;
const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** Writes a new file of the tree, through to the disk. Gives its size and hash. */
export async function writeNew(
  ops: FsOps,
  root: string,
  file: string,
  contents: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<{ readonly size: number; readonly sha256: string }> {
  prepareFolders(ops, root, file);
  const hash = createHash("sha256");
  const descriptor = ops.openSync(path.join(root, file), createFlags, 0o666);
  let size = 0;
  try {
    for await (const part of contents instanceof Uint8Array ? [contents] : contents) {
      await writeAll(ops, descriptor, part, hash);
      size += part.length;
    }
  } catch (cause) {
    try {
      ops.closeSync(descriptor);
    } catch {
      // the first failure is the one to report
    }
    throw cause;
  }
  closing(ops, descriptor, () => ops.fsyncSync(descriptor));
  return { size, sha256: hash.digest("hex") };
}

async function writeAll(ops: FsOps, descriptor: number, bytes: Uint8Array, hash: Hash): Promise<void> {
  hash.update(bytes);
  for (let at = 0; at < bytes.length; ) {
    const written = ops.writeSync(descriptor, bytes, at, Math.min(chunk, bytes.length - at));
    if (written === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    at += written;
    await breathe();
  }
}

/** Makes the folders above a file of the tree. One that somebody has made a link of is not followed. */
export function prepareFolders(ops: FsOps, root: string, file: string): void {
  ops.mkdirSync(path.join(root, path.posix.dirname(file)), { recursive: true });
  const crooked = crookedFolder(ops, root, file);
  if (crooked !== null) throw new Failure(error("output-redirected", { file: root, offset: null }, crooked));
}

/** What some systems answer to fsync of a folder: they need none, or have none. */
const unsupported = new Set(["EINVAL", "EISDIR", "EPERM", "EACCES", "EBADF", "ENOTSUP"]);

export function syncFolder(ops: FsOps, folder: string): void {
  try {
    closing(ops, ops.openSync(folder, constants.O_RDONLY), descriptor => ops.fsyncSync(descriptor));
  } catch (cause) {
    if (!unsupported.has(errnoOf(cause) ?? "")) throw cause;
  }
}
