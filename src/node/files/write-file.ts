import { rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { onInterrupt } from "../process/interrupt.ts";
import { ioError, pathProblem } from "./errno.ts";
import { describeFile } from "./read.ts";

/** Writes a file of results, whole or not at all: beside its place first, then renamed into it. */
export async function writeFile(
  file: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Diagnostic | null> {
  const problem = pathProblem(file);
  if (problem !== null) return problem;
  const temp = path.join(path.dirname(file), `.${path.basename(file)}.cnxc-${process.pid}.tmp`);
  const done = onInterrupt(() => rmSync(temp, { force: true }));
  try {
    const before = await fs.stat(file).catch(() => null);
    if (before !== null && !before.isFile()) return error("not-a-file", { file, offset: null }, describeFile(before));
    const handle = await fs.open(temp, "w");
    try {
      for await (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temp, file);
    return null;
  } catch (cause) {
    return ioError(cause, file, "write it");
  } finally {
    done();
    await fs.rm(temp, { force: true });
  }
}
