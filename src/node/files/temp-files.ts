import * as fs from "node:fs";
import * as path from "node:path";
import { lives, type Owner, randomName, thisProcess } from "../process/owner.ts";

/** What another machine's process left is the rest of a dead one when nobody has touched it for so long, in ms. */
const forgotten = 24 * 60 * 60 * 1000;

const ownerPattern = "([0-9a-f]{8})-([0-9]{1,10})-[0-9A-Za-z]+";

/** A name for something that is gone when its process is: it says whose it is. */
export const ownedName = (prefix: string): string =>
  `${prefix}-${thisProcess.place}-${thisProcess.pid}-${randomName()}`;

/** Whose a name of `ownedName` is, or null where it is none with that prefix. */
export function ownerOf(name: string, prefix: string): Owner | null {
  if (!name.startsWith(`${prefix}-`)) return null;
  const [, place, pid] = new RegExp(`^${ownerPattern}$`).exec(name.slice(prefix.length + 1)) ?? [];
  return place === undefined ? null : { place, pid: Number(pid) };
}

/** Removes from a folder what processes that are gone left under that prefix, and with `own` what this one did. */
export function clearOwned(folder: string, prefix: string, own = false): void {
  for (const name of namesIn(folder)) {
    const owner = ownerOf(name, prefix);
    if (owner === null) continue;
    const mine = owner.place === thisProcess.place && owner.pid === thisProcess.pid;
    if (mine ? own : isForgotten(path.join(folder, name), owner)) removeNow(path.join(folder, name));
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isForgotten(file: string, owner: Owner): boolean {
  const alive = lives(owner);
  if (alive !== null) return !alive;
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > forgotten;
}

/** Without waiting, and whatever comes of it. */
export function removeNow(file: string): void {
  try {
    fs.rmSync(file, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // somebody else's after all, or in use: it is in nobody's way
  }
}
