import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { exitCodes } from "../../diagnostics/exit-codes.ts";
import { error, messages } from "../../diagnostics/messages.ts";
import { errnoOf, ioError } from "../files/errno.ts";
import { type Outcome, outcome } from "./outcome.ts";
import { exitCodeOf, render } from "./render.ts";

/**
 * Prints, and ends the process when both streams have taken everything: drivers may keep it alive for ever. A result that
 * could not be written whole is an error.
 */
export async function finish(result: Outcome, json: boolean): Promise<never> {
  const { stdout, stderr } = render(result, json);
  await writeAll(2, stderr); // if nobody takes it, nobody is left to tell
  const failure = await writeAll(1, stdout);
  if (failure !== null) await writeAll(2, render(outcome({ diagnostics: [failure] }), false).stderr);
  const own = exitCodeOf(result);
  process.exit(failure === null || own !== 0 ? own : exitCodes[messages[failure.code].kind]);
}

const write = promisify(fs.write);

/**
 * All of a text, or what kept it from being written. Not by the process's own streams, which drop the rest where a disk
 * takes a part; and not waiting in this thread, which could not hear a signal then.
 */
async function writeAll(descriptor: 1 | 2, text: string): Promise<Diagnostic | null> {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) {
    try {
      const { bytesWritten } = await write(descriptor, rest, 0, rest.length, null);
      rest = rest.subarray(bytesWritten);
    } catch (cause) {
      const code = errnoOf(cause);
      if (code === "EPIPE") return error("pipe-closed", null);
      if (code !== "EAGAIN" && code !== "EINTR") return ioError(cause, "standard output", "write it");
      await sleep(5); // until the reader has made room
    }
  }
  return null;
}
