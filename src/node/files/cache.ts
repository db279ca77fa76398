import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";

/** Folders that hold what can be made again, the nearest first. Never a shared one: libraries are loaded from there. */
const cacheRoots = (near: string): readonly string[] => {
  const home = process.env.XDG_CACHE_HOME ?? (os.homedir() === "" ? "" : path.join(os.homedir(), ".cache"));
  return [path.join(near, ".cache", "cnxc"), ...(path.isAbsolute(home) ? [path.join(home, "cnxc")] : [])];
};

/**
 * The folder made by `fill` out of `input`, from the cache where it is there already. Its name holds the hash of what it
 * is made of, and it appears at once and whole, so processes need no lock. `near` is a node_modules folder.
 */
export async function cached(
  near: string,
  name: string,
  input: Uint8Array,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 16);
  let failure: unknown = null;
  for (const root of cacheRoots(near)) {
    const folder = path.join(root, `${name}-${hash}`);
    if (await exists(folder)) return folder;
    try {
      await fs.mkdir(root, { recursive: true });
      await makeWhole(folder, fill);
      return folder;
    } catch (cause) {
      failure = cause; // a read-only node_modules: try the next root
    }
  }
  throw failure;
}

async function makeWhole(folder: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temp = await fs.mkdtemp(`${folder}.tmp-`);
  try {
    await fill(temp);
    await fs.rename(temp, folder);
  } catch (cause) {
    await fs.rm(temp, { recursive: true, force: true });
    if (!(await exists(folder))) throw cause; // else another process was faster, with the same bytes
  }
}

const exists = (folder: string) =>
  fs.stat(folder).then(
    () => true,
    () => false,
  );
