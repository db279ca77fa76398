import { isatty } from "node:tty";

/** One line about long work, for whoever sits at a terminal; from a thread too, whose own stream knows of none. */
export function progress(line: string): void {
  if (isatty(2)) process.stderr.write(`cnxc: ${line}\n`);
}
