import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";

/** A process, as others on the same volume can know it. */
export interface Owner {
  /** Where a process number means something: a boot of a machine and, in it, a container. Eight hex digits. */
  readonly place: string;
  readonly pid: number;
}

const placeOf = (): string => {
  const parts = [os.hostname(), ...["boot", "namespace"].map(what => tryRead(what as "boot" | "namespace"))];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8);
};

const sources = {
  boot: () => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8"),
  namespace: () => fs.readlinkSync("/proc/self/ns/pid"),
} as const;

/** Empty where the system has no such thing, as all but Linux. */
function tryRead(what: keyof typeof sources): string {
  try {
    return sources[what]();
  } catch {
    return "";
  }
}

export const thisProcess: Owner = { place: placeOf(), pid: process.pid };

/** Of this machine, in letters that any message may hold. */
export const hostName =
  os
    .hostname()
    .replaceAll(/[^\w.-]/g, "")
    .slice(0, 64) || "unnamed";

/** Eight hex digits that no other name has. */
export const randomName = (): string => randomBytes(4).toString("hex");

/** Whether a process lives; null where it cannot be known here, in another container or on another machine. */
export function lives({ place, pid }: Owner): boolean | null {
  if (place !== thisProcess.place) return null;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
