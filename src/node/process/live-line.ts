import { isWatched } from "./terminal.ts";

/** A line about long work that goes on. */
export interface LiveLine {
  /** For a terminal, and what a pipe has of it in turn: null for what only a terminal shows. */
  show(line: string, inPipe: string | null): void;
  /** A line that stays. */
  say(line: string): void;
  /** What is said next begins on a line of its own. */
  end(): void;
}

/** One line that rewrites itself, for whoever sits at a terminal; lines one after another, `plain` of all, in a pipe. */
export function liveLine(plain: (turn: number) => boolean): LiveLine {
  const live = isWatched();
  let [turn, isShown] = [0, false];
  return {
    show(line, inPipe) {
      if (live) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
      else if (inPipe !== null && plain(turn)) process.stderr.write(`${inPipe}\n`);
      isShown = live;
      if (inPipe !== null) turn++;
    },
    say(line) {
      process.stderr.write(isShown ? `\r\x1b[K${line}\n` : `${line}\n`);
      isShown = false;
    },
    end() {
      if (isShown) process.stderr.write("\n");
      isShown = false;
    },
  };
}
