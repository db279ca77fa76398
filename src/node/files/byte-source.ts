import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import type { ByteSource } from "../../weights/formats/source.ts";
import { ioError, pathProblem } from "./errno.ts";
import { orClosed } from "./or-closed.ts";
import { describeFile } from "./read.ts";
import { noteRead } from "./read-so-far.ts";

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/**
 * Opens a regular file for reading in pieces. The file must stay as it is until it is closed: a `read` that finds it
 * changed, or that the device refuses, rejects with a `Failure`. `name` is what diagnostics call it.
 */
export async function openSource(file: string, name: string = file): Promise<Result<FileSource>> {
  const problem = pathProblem(file);
  if (problem !== null) return fail(problem);
  try {
    const handle = await fs.open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    return await orClosed(
      () => handle.close(),
      async () => {
        const stat = await handle.stat();
        if (!stat.isFile()) return fail(error("not-a-file", { file: name, offset: null }, describeFile(stat)));
        const opened = await handle.stat({ bigint: true });
        noteRead(file, name);
        return ok(sourceOf(name, handle, opened));
      },
    );
  } catch (cause) {
    return fail(ioError(cause, name, "read it"));
  }
}

type Version = { readonly size: bigint; readonly mtimeNs: bigint };

const sourceOf = (name: string, handle: fs.FileHandle, opened: Version): FileSource => ({
  name,
  size: Number(opened.size),
  close: () => handle.close(),
  async read(offset, length) {
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw new Failure(error("file-changed", { file: name, offset: offset + done }));
        done += bytesRead;
      }
      const now = await handle.stat({ bigint: true });
      if (now.size !== opened.size || now.mtimeNs !== opened.mtimeNs)
        throw new Failure(error("file-changed", { file: name, offset: null }));
    } catch (cause) {
      throw cause instanceof Failure ? cause : new Failure(ioError(cause, name, "read it"));
    }
    return bytes;
  },
});
