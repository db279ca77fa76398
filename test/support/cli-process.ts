import { spawn } from "node:child_process";
import * as path from "node:path";

/** The built command line: `npm test` builds it first. */
export const cliFile = path.resolve(import.meta.dirname, "../../dist/node/cli.js");

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Long after any of them ends: a limit for what hangs. */
const hangMs = 900_000;

/** Runs cnxc as a user would, without colours, in a process of its own. */
export function cnxcProcess(words: readonly string[], { cwd, input = "", env }: CliOptions = {}) {
  const child = spawn(process.execPath, [cliFile, ...words], {
    cwd,
    stdio: ["pipe", "pipe", "pipe"],
    timeout: hangMs,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
  });
  child.stdin.on("error", () => {}); // it need not be read
  child.stdin.end(input);
  return new Promise<CliResult>(resolve => {
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", part => {
      stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", part => {
      stderr += part;
    });
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Starts a built module, and sends it a signal when `when` says so of what it has printed. */
export function interrupted(
  file: string,
  words: readonly string[],
  signal: NodeJS.Signals,
  when: (stdout: string) => boolean,
): Promise<CliResult> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [file, ...words], { stdio: ["pipe", "pipe", "pipe"], timeout: hangMs });
    let [stdout, stderr, sent] = ["", "", false];
    child.stderr.on("data", part => {
      stderr += part;
    });
    child.stdout.on("data", part => {
      stdout += part;
      if (sent || !when(stdout)) return;
      sent = true;
      child.kill(signal);
    });
    child.on("close", (code, by) => resolve({ code, signal: by, stdout, stderr }));
  });
}
