import * as fs from "node:fs";

/** Files that this process has open, by name; null where the system does not show them. */
export const openFiles = (): readonly string[] | null =>
  fs.existsSync("/proc/self/fd")
    ? fs.readdirSync("/proc/self/fd").flatMap(fd => {
        try {
          return [fs.readlinkSync(`/proc/self/fd/${fd}`)];
        } catch {
          return []; // the one that the listing itself had
        }
      })
    : null;
