import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { errnoOf } from "../files/errno.ts";
import { closing, type FsOps, lookAt } from "./fs.ts";

/** How often a lock is looked at. Time is counted in looks, so that a clock that jumps changes nothing. */
const lookMs = 25;
/** A lock without a holder's number, or a takeover, that stays so long is the rest of a process that died. */
const abandonedLooks = 80;

/** The locks that this process holds; one with our number that is not among them could not be removed when it should. */
const held = new Set<string>();

/**
 * Takes the lock of an output directory, waiting for another writer at most `patienceMs`. Gives the function that lets
 * go. A lock whose process is gone is taken over; only the holder of `<lock>.takeover` may remove it, so two who find it
 * at once cannot both win.
 */
export async function takeLock(
  ops: FsOps,
  lock: string,
  directory: string,
  patienceMs: number,
): Promise<Result<() => void>> {
  let inMemoryContext = 0;
  let takeovers = 0;
  for (let looks = 0; ; looks++) {
    if (create(ops, lock)) {
      held.add(lock);
      return ok(() => {
        held.delete(lock);
        ops.unlinkSync(lock);
      });
    }
    const holder = holderOf(ops, lock);
    inMemoryContext = holder === 0 ? inMemoryContext + 1 : 0;
    const dead = holder === 0 ? inMemoryContext > abandonedLooks : holder !== null && !lives(holder, lock);
    if (dead) {
      takeovers = removeStale(ops, lock, holder) ? 0 : takeovers + 1;
      if (takeovers > abandonedLooks) removeFolder(ops, `${lock}.takeover`);
    }
    if (looks * lookMs >= patienceMs) return fail(locked(directory, holder, patienceMs));
    if (!dead || takeovers > 0) await new Promise(resolve => setTimeout(resolve, lookMs));
  }
}

const locked = (directory: string, holder: number | null, patienceMs: number): Diagnostic =>
  error(
    "output-locked",
    { file: directory, offset: null },
    holder === null || holder === 0 ? "another cnxc" : `process ${holder}`,
    Math.round(patienceMs / 1000),
  );

function create(ops: FsOps, lock: string): boolean {
  let descriptor: number;
  try {
    descriptor = ops.openSync(lock, "wx");
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
  try {
    closing(ops, descriptor, () => ops.writeSync(descriptor, `${process.pid}\n`));
    return true;
  } catch (cause) {
    ops.rmSync(lock, { force: true });
    throw cause;
  }
}

/** The process that holds a lock; 0 while it has not yet said, null when the lock is gone. */
function holderOf(ops: FsOps, lock: string): number | null {
  if (lookAt(ops, lock) === null) return null;
  try {
    const text = String(ops.readFileSync(lock, "utf8"));
    return /^[1-9]\d*\n$/.test(text) ? Number(text) : 0;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
}

/** Removes the lock if it is still the dead one. False where somebody else is at it. */
function removeStale(ops: FsOps, lock: string, holder: number | null): boolean {
  const takeover = `${lock}.takeover`;
  try {
    ops.mkdirSync(takeover);
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
  try {
    if (holderOf(ops, lock) === holder) ops.unlinkSync(lock);
  } finally {
    removeFolder(ops, takeover);
  }
  return true;
}

function removeFolder(ops: FsOps, folder: string): void {
  try {
    ops.rmdirSync(folder);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}

function lives(holder: number, lock: string): boolean {
  if (holder === process.pid) return held.has(lock);
  try {
    process.kill(holder, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) === "EPERM";
  }
}

/**
 * The names beside an output directory that are ours. `old` may hold what is the user's; what begins with `tempPrefix`
 * never does, and is removed unseen.
 */
export const namesBeside = (directory: string) => {
  const beside = (suffix: string) => path.join(path.dirname(directory), `.${path.basename(directory)}.cnxc-${suffix}`);
  const temp = beside(`tmp-${process.pid}`);
  return { lock: beside("lock"), old: beside("old"), temp, trash: `${temp}-old`, tempPrefix: beside("tmp-") };
};
