import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { errnoOf, replacedName } from "../files/errno.ts";
import { ownedName } from "../files/temp-files.ts";
import { hostName, lives, type Owner, randomName, thisProcess } from "../process/owner.ts";
import { progress } from "../process/progress.ts";
import { closing, type FsOps, lookAt } from "./fs.ts";

/** How a lock is waited for. Time is counted in looks, so that a clock that jumps changes nothing. */
export interface Waiting {
  readonly looks: number;
  readonly lookMs: number;
}

/** How often a holder says that it lives, and after how many looks without a word nobody waits any longer: 20 s. */
const beatMs = 1000;
const silentLooks = 800;
/** After so many it is said that something is waited for. */
const looksUnsaid = 60;
/** A takeover, or a lock that does not yet say whose it is, that stays so long is the rest of a process that died. */
const abandonedLooks = 80;

/** Who holds a lock, as its file says. */
export interface Holder extends Owner {
  readonly host: string;
  /** Of this one holding. */
  readonly token: string;
}

/** Two lines of a fixed length: who it is, and a number that grows while it lives. */
export const lockText = ({ pid, place, host, token }: Holder, beat: number): string =>
  `process ${pid} on ${host}, ${place}-${token}\n${String(beat).padStart(10, "0")}\n`;

function holderIn(text: string): Holder | null {
  const [, pid, host = "", place = "", token = ""] =
    /^process (\d{1,10}) on ([\w.-]{1,64}), ([0-9a-f]{8})-([0-9a-f]{8})\n\d{10}\n$/.exec(text) ?? [];
  return pid === undefined ? null : { pid: Number(pid), host, place, token };
}

/** What this process holds: a lock of ours that is not among it could not be removed when it should. */
const held = new Set<string>();

export interface Lock {
  /** Throws a `Failure` where another has taken over, since this process stood still for too long. */
  readonly confirm: () => void;
  readonly release: () => void;
}

/**
 * Takes the lock of an output directory, waiting for another writer no longer than that. Processes in other containers
 * and on other machines count: a holder beats, and one that cannot be asked is dead when it has been silent for 20 s. A
 * dead one's lock is taken over; only the holder of `<lock>.takeover` may remove it, so two who find it at once cannot
 * both win.
 */
export async function takeLock(ops: FsOps, lock: string, directory: string, waiting: Waiting): Promise<Result<Lock>> {
  const holder = { ...thisProcess, host: hostName, token: randomName() };
  let [seen, silent, takeovers] = ["", 0, 0];
  for (let looks = 0; ; looks++) {
    if (create(ops, lock, lockText(holder, 0))) return ok(hold(ops, lock, directory, holder));
    const text = textOf(ops, lock);
    if (text === null) continue; // it has just been let go
    silent = text === seen ? silent + 1 : 0;
    seen = text;
    const dead = isDead(text, silent);
    if (dead) {
      takeovers = removeStale(ops, lock, text) ? 0 : takeovers + 1;
      if (takeovers > abandonedLooks) removeFolder(ops, `${lock}.takeover`);
    }
    if (looks === looksUnsaid) progress(`waiting for ${whoIn(text)}, which writes to '${directory}'`);
    if (looks >= waiting.looks) return fail(locked(directory, lock, text, waiting));
    if (!dead || takeovers > 0) await new Promise(resolve => setTimeout(resolve, waiting.lookMs));
  }
}

/** One that says something else has no heart: it may be anybody's, and is waited for. */
function isDead(text: string, silent: number): boolean {
  const holder = holderIn(text);
  if (holder === null) return text === "" && silent > abandonedLooks;
  if (holder.place === thisProcess.place && holder.pid === process.pid) return !held.has(holder.token);
  const alive = lives(holder);
  return alive === null ? silent > silentLooks : !alive;
}

function hold(ops: FsOps, lock: string, directory: string, holder: Holder): Lock {
  held.add(holder.token);
  const isOurs = (): boolean => holderIn(textOf(ops, lock) ?? "")?.token === holder.token;
  let beat = 0;
  const heart = setInterval(() => {
    try {
      if (isOurs()) rewrite(ops, lock, lockText(holder, ++beat));
    } catch {
      // the next beat may come through; whether the lock is still ours is asked before anything is replaced
    }
  }, beatMs);
  heart.unref();
  return {
    confirm: () => {
      if (!isOurs()) throw new Failure(error("output-lock-lost", { file: directory, offset: null }));
    },
    release: () => {
      clearInterval(heart);
      held.delete(holder.token);
      if (isOurs()) ops.unlinkSync(lock);
      removeFolder(ops, `${lock}.takeover`); // of one that died while it took over another's
    },
  };
}

function whoIn(text: string): string {
  const holder = holderIn(text);
  return holder === null ? "another cnxc" : `process ${holder.pid} on ${holder.host}`;
}

function locked(directory: string, lock: string, text: string, { looks, lookMs }: Waiting): Diagnostic {
  const seconds = Math.round((looks * lookMs) / 1000);
  const problem = error("output-locked", { file: directory, offset: null }, whoIn(text), seconds);
  return withNote(problem, `if no cnxc writes there, delete '${lock}'`);
}

function create(ops: FsOps, lock: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = ops.openSync(lock, "wx");
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
  try {
    closing(ops, descriptor, () => ops.writeSync(descriptor, text));
    return true;
  } catch (cause) {
    ops.rmSync(lock, { force: true });
    throw cause;
  }
}

/** In place: whoever looks meanwhile finds the old number or the new one. */
const rewrite = (ops: FsOps, lock: string, text: string): void =>
  closing(ops, ops.openSync(lock, "r+"), descriptor => void ops.writeSync(descriptor, text, 0));

/** What a lock says; empty while its holder has not yet said who it is, null when it is gone. */
function textOf(ops: FsOps, lock: string): string | null {
  const stat = lookAt(ops, lock);
  if (stat === null) return null;
  if (!stat.isFile()) return "no file";
  try {
    return String(ops.readFileSync(lock, "utf8")).slice(0, 256);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
}

/** Removes the lock if it is still the dead one. False where somebody else is at it. */
function removeStale(ops: FsOps, lock: string, text: string): boolean {
  const takeover = `${lock}.takeover`;
  try {
    ops.mkdirSync(takeover);
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
  try {
    if (textOf(ops, lock) === text) ops.unlinkSync(lock);
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

/** The names beside an output directory that are ours. `old` may hold what is the user's; what `temps` tells never does. */
export const namesBeside = (directory: string) => {
  const parent = path.dirname(directory);
  const prefix = `.${path.basename(directory)}.cnxc`;
  return {
    parent,
    lock: path.join(parent, `${prefix}-lock`),
    old: replacedName(directory),
    tempPrefix: `${prefix}-tmp`,
    newTemp: (): string => path.join(parent, ownedName(`${prefix}-tmp`)),
  };
};
