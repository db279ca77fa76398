import { type ChildProcess, spawn } from "node:child_process";
import { onInterrupt } from "./interrupt.ts";

/** A program that answers what it is asked, by pipes, one question at a time. */
export interface Conversation {
  /** Sends bytes and gives the next `wanted` ones of the answer; fewer where the program ends before. */
  ask(question: readonly Uint8Array[], wanted: number): Promise<Buffer>;
  /** The next `wanted` bytes of an answer that has more. */
  more(wanted: number): Promise<Buffer>;
  /** Waits until the program has ended, as it does when nothing more is asked, and gives what it said besides. */
  end(): Promise<{ readonly code: number; readonly stderr: string }>;
}

/** Starts a program; it ends with us when the user interrupts. */
export function converse(command: string, args: readonly string[]): Conversation {
  // A group of its own: a terminal interrupts us alone, and we may have something left to ask.
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const done = onInterrupt(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", part => {
    stderr += part;
  });
  const closed = new Promise<number>(resolve => {
    child.on("error", cause => {
      stderr ||= cause.message;
      resolve(1);
    });
    child.on("close", code => resolve(code ?? 1));
  }).finally(done);
  child.stdin.on("error", () => {}); // it has ended: the answer will be too short
  const more = reading(child);
  return {
    async ask(question, wanted) {
      for (const part of question) if (child.stdin.writable && !child.stdin.write(part)) await drained(child);
      return more(wanted);
    },
    more,
    async end() {
      child.stdin.end();
      return { code: await closed, stderr };
    },
  };
}

function reading({ stdout }: ChildProcess): (wanted: number) => Promise<Buffer> {
  const parts = stdout?.[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  return async wanted => {
    const got: Buffer[] = [rest];
    let bytes = rest.length;
    while (bytes < wanted) {
      const { value, done } = await parts.next();
      if (done) break;
      got.push(value);
      bytes += value.length;
    }
    const all = Buffer.concat(got);
    rest = all.subarray(wanted);
    return all.subarray(0, wanted);
  };
}

const drained = ({ stdin }: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      for (const event of ["drain", "close", "error"]) stdin?.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) stdin?.once(event, done);
  });
