import { rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { onInterrupt } from "../process/interrupt.ts";
import { ioError } from "./errno.ts";

/** Replaces one file of the user's, whole or not at all, keeping its mode; a link stays a link to what it led to. */
export async function replaceFile(file: string, text: string): Promise<Diagnostic | null> {
  try {
    const real = await fs.realpath(file);
    const { mode } = await fs.stat(real);
    const temp = path.join(path.dirname(real), `.${path.basename(real)}.cnxc-${process.pid}.tmp`);
    const done = onInterrupt(() => rmSync(temp, { force: true }));
    try {
      await fs.writeFile(temp, text, { mode: mode & 0o777, flush: true });
      await fs.rename(temp, real);
      return null;
    } finally {
      done();
      await fs.rm(temp, { force: true });
    }
  } catch (cause) {
    return ioError(cause, file, "write it");
  }
}
