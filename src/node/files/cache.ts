import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { onInterrupt } from "../process/interrupt.ts";
import { clearOwned, ownedName, removeNow } from "./temp-files.ts";

/** Folders that hold what can be made again, the nearest first. Never a shared one: libraries are loaded from there. */
const cacheRoots = (near: string): readonly string[] => {
  const home = process.env.XDG_CACHE_HOME ?? (os.homedir() === "" ? "" : path.join(os.homedir(), ".cache"));
  return [path.join(near, ".cache", "cnxc"), ...(path.isAbsolute(home) ? [path.join(home, "cnxc")] : [])];
};

/**
 * The folder made by `fill` out of `input`, from the cache where it is there already and whole. Its name holds the hash of
 * what it is made of, and it appears at once, so processes need no lock; what a power cut or a hand has spoilt is made
 * again. `near` is a node_modules folder.
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
    if (await isWhole(folder)) return folder;
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

const listName = "contents.sha256";

async function makeWhole(folder: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const parent = path.dirname(folder);
  clearOwned(parent, tempPrefix);
  const temp = path.join(parent, ownedName(tempPrefix));
  await fs.mkdir(temp);
  const done = onInterrupt(() => removeNow(temp));
  try {
    await fill(temp);
    await fs.writeFile(path.join(temp, listName), await listOf(temp, syncHandle), { flush: true });
    await settle(temp, folder);
  } finally {
    done();
    await fs.rm(temp, { recursive: true, force: true });
  }
}

/** Puts a folder in its place, unless another process was faster, with the same bytes; what is broken there makes way. */
async function settle(temp: string, folder: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await fs.rename(temp, folder);
    } catch (cause) {
      if (await isWhole(folder)) return;
      if (tries === mostTries) throw cause;
    }
    const broken = path.join(path.dirname(folder), ownedName(tempPrefix));
    await fs.rename(folder, broken).catch(() => {}); // somebody else has moved it
    await fs.rm(broken, { recursive: true, force: true });
  }
}

/** As many others may put theirs there, one after the other, between two looks. */
const mostTries = 20;

const tempPrefix = ".tmp";

/** Whether a folder holds what it held when it was made. */
const isWhole = async (folder: string): Promise<boolean> => {
  try {
    return (await fs.readFile(path.join(folder, listName), "utf8")) === (await listOf(folder));
  } catch {
    return false;
  }
};

const syncHandle = (handle: fs.FileHandle): Promise<void> => handle.sync();

/** Hash and path of every file but the list itself, in the form of `sha256sum`. */
async function listOf(
  folder: string,
  before: (handle: fs.FileHandle) => Promise<void> = async () => {},
): Promise<string> {
  const lines: string[] = [];
  for (const entry of await fs.readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory() || entry.name === listName) continue;
    const file = path.join(entry.parentPath, entry.name);
    const handle = await fs.open(file);
    try {
      await before(handle);
      const hash = createHash("sha256").update(await handle.readFile());
      lines.push(`${hash.digest("hex")}  ${path.relative(folder, file)}\n`);
    } finally {
      await handle.close();
    }
  }
  return lines.sort().join("");
}
