import { isWatched } from "./terminal.ts";

/** One line about long work, for whoever sits at a terminal. */
export function progress(line: string): void {
  if (isWatched()) process.stderr.write(`cnxc: ${line}\n`);
}
