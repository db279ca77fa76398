import { isatty } from "node:tty";

/** Set in a process whose standard error another passes on to a terminal: the other's number, for it to believe it. */
const marker = "CNXC_TERMINAL";

/** Whether a person sits at standard error, as it is now; of a thread too, whose own stream knows of none. */
export const isWatched = (): boolean => isatty(2) || process.env[marker] === `${process.ppid}`;

/** For the environment of a process whose standard error is passed on to this one's. */
export const watchedHere = (): Record<string, string> => (isWatched() ? { [marker]: `${process.pid}` } : {});
