import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { onInterrupt } from "../process/interrupt.ts";
import { ioError, pathProblem } from "./errno.ts";
import { describeFile } from "./read.ts";
import { overInput } from "./read-so-far.ts";
import { clearOwned, ownedName, removeNow } from "./temp-files.ts";

type Contents = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Writes a file of results, whole or not at all, and never over one that has been read. */
export async function writeFile(file: string, contents: Contents): Promise<Diagnostic | null> {
  const problem = pathProblem(file) ?? overInput(file);
  if (problem !== null) return problem;
  try {
    const before = await fs.stat(file).catch(() => null);
    if (before !== null && !before.isFile()) return error("not-a-file", { file, offset: null }, describeFile(before));
    await exchange(file, contents, before?.mode ?? null);
    return null;
  } catch (cause) {
    return ioError(cause, file, "write it");
  }
}

/** Replaces a file of the user's by what was made of it; a link stays a link to what it led to. */
export async function replaceFile(file: string, text: string): Promise<Diagnostic | null> {
  try {
    const real = await fs.realpath(file);
    const { mode } = await fs.stat(real);
    await exchange(real, [new TextEncoder().encode(text)], mode);
    return null;
  } catch (cause) {
    return ioError(cause, file, "write it");
  }
}

const tempPrefix = (file: string): string => `.${path.basename(file).slice(0, 40)}.cnxc`;

/** Removes what writers of a file left beside it that were killed. */
export const clearRests = (file: string): void => clearOwned(path.dirname(file), tempPrefix(file));

/** A new file beside its place, then renamed into it: through to the disk, with the mode of the one before. */
async function exchange(file: string, contents: Contents, mode: number | null): Promise<void> {
  clearRests(file);
  const temp = path.join(path.dirname(file), ownedName(tempPrefix(file)));
  const done = onInterrupt(() => removeNow(temp));
  let ours = false;
  try {
    const handle = await fs.open(temp, "wx"); // follows no link
    ours = true;
    try {
      for await (const part of contents) await handle.writeFile(part);
      if (mode !== null) await handle.chmod(mode & 0o777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temp, file);
    ours = false;
  } finally {
    done();
    if (ours) removeNow(temp);
  }
}
