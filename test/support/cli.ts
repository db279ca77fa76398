import { spawn } from "node:child_process";
import * as path from "node:path";
import { runCommandLine } from "../../src/node/cli/program.ts";
import { wantsJson } from "../../src/node/cli/usage.ts";
import { crash } from "../../src/node/outcome/crash.ts";
import { exitCodeOf, render } from "../../src/node/outcome/render.ts";

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

/**
 * Runs cnxc as a user would, without colours: in this process, by the function that the program itself calls, and in
 * one of its own where that shows something (standard input, an environment, text that commander prints) or where the
 * command would start itself again for a GPU.
 */
export const cnxc = (words: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  needsProcess(words, options) ? cnxcProcess(words, options) : inTurn(() => here(words, options.cwd ?? root));

const root = process.cwd();

const needsProcess = (words: readonly string[], { input, env }: CliOptions): boolean =>
  input !== undefined ||
  env !== undefined ||
  words.some(word => /^(-|-h|--help|-V|--version|webgpu|webgpu,.*|.*,webgpu.*)$/.test(word)) ||
  (/^(run|classify|reconstruct|verify)$/.test(words[0] ?? "") && !words.includes("--on")); // WebGPU, unless told

/** A process has one current directory, so one command at a time is in it. */
let last: Promise<unknown> = Promise.resolve();
function inTurn(work: () => Promise<CliResult>): Promise<CliResult> {
  const next = last.then(work);
  last = next.catch(() => {});
  return next;
}

async function here(words: readonly string[], cwd: string): Promise<CliResult> {
  process.env.NO_COLOR = "1";
  delete process.env.FORCE_COLOR;
  process.chdir(cwd);
  try {
    const result = await runCommandLine(words).catch(crash);
    if (result.exitCode !== null) throw new Error(`cnxc ${words.join(" ")}: a child has done the work`);
    return { code: exitCodeOf(result), signal: null, ...render(result, wantsJson(words)) };
  } finally {
    process.chdir(root);
  }
}

/** Long after any of them ends: a limit for what hangs. */
const hangMs = 900_000;

/** The same in a process of its own. */
export function cnxcProcess(words: readonly string[], { cwd = root, input = "", env }: CliOptions = {}) {
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
