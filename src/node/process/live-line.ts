import { isatty } from "node:tty";

/** A line about long work that goes on. */
export interface LiveLine {
  show(line: string): void;
  /** What is said next begins on a line of its own. */
  end(): void;
}

/** One line that rewrites itself, for whoever sits at a terminal; lines one after another, `plain` of all, in a pipe. */
export function liveLine(plain: (turn: number) => boolean): LiveLine {
  const live = isatty(2);
  let turn = 0;
  return {
    show(line) {
      if (live) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
      else if (plain(turn)) process.stderr.write(`${line}\n`);
      turn++;
    },
    end: () => void (live && turn > 0 && process.stderr.write("\n")),
  };
}
