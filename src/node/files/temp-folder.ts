import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { clearOwned, ownedName } from "./temp-files.ts";

const prefix = "cnxc";

/**
 * Work in a folder of its own that is gone afterwards. What a signal leaves, `removeOwnFolders` removes; what a kill
 * leaves, the next work of this kind.
 */
export async function withTempFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  clearOwned(os.tmpdir(), prefix);
  const folder = path.join(os.tmpdir(), ownedName(prefix));
  await fs.mkdir(folder, { mode: 0o700 });
  try {
    return await work(folder);
  } finally {
    await fs.rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Those of this process, whichever of its threads made them: for an interrupt. */
export const removeOwnFolders = (): void => clearOwned(os.tmpdir(), prefix, true);
