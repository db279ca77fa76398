/** One line about long work, for whoever sits at a terminal. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`cnxc: ${line}\n`);
}
