import { spawn, spawnSync } from "node:child_process";
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
  /** Milliseconds; what is long work says so. */
  readonly timeout?: number;
}

/** Runs cnxc as a user would, without colours. */
export function cnxc(words: readonly string[], { cwd, input, env, timeout = 60_000 }: CliOptions = {}): CliResult {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [cliFile, ...words], {
    cwd: cwd ?? process.cwd(),
    input: input ?? "",
    encoding: "utf8",
    timeout,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
  });
  return { code: status, signal, stdout, stderr };
}

/** Starts a built module, and sends it a signal when `when` says so of what it has printed. */
export function interrupted(
  file: string,
  words: readonly string[],
  signal: NodeJS.Signals,
  when: (stdout: string) => boolean,
): Promise<CliResult & { readonly milliseconds: number }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [file, ...words], { stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr, sent] = ["", "", 0];
    child.stderr.on("data", part => {
      stderr += part;
    });
    child.stdout.on("data", part => {
      stdout += part;
      if (sent !== 0 || !when(stdout)) return;
      sent = performance.now();
      child.kill(signal);
    });
    child.on("close", (code, by) =>
      resolve({ code, signal: by, stdout, stderr, milliseconds: performance.now() - sent }),
    );
  });
}
