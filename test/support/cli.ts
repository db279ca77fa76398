import * as os from "node:os";
import * as path from "node:path";
import { vi } from "vitest";
import { runCommandLine } from "../../src/node/cli/program.ts";
import { wantsJson } from "../../src/node/cli/usage.ts";
import { crash } from "../../src/node/outcome/crash.ts";
import { exitCodeOf, render } from "../../src/node/outcome/render.ts";
import { type CliOptions, type CliResult, cnxcProcess } from "./cli-process.ts";
import { openFiles } from "./open-files.ts";

/**
 * Runs cnxc as a user would, without colours: in this process, by the function that the program itself calls, and in
 * one of its own where that shows something (standard input, an environment) or where the command would start itself again for a GPU.
 */
export const cnxc = (words: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  needsProcess(words, options) ? cnxcProcess(words, options) : inTurn(() => here(words, options.cwd ?? root));

const root = process.cwd();

const needsProcess = (words: readonly string[], { input, env }: CliOptions): boolean =>
  input !== undefined ||
  env !== undefined ||
  words.some(word => /^(-|webgpu|webgpu,.*|.*,webgpu.*)$/.test(word)) ||
  (usesGpu(words) && !words.includes("--on") && !words.includes("--help"));

/** Commands that run a model on WebGPU unless they are told where; what was compiled is verified without. */
const usesGpu = ([command = "", ...words]: readonly string[]): boolean =>
  /^(run|classify|reconstruct|train)$/.test(command) ||
  (command === "verify" && words.some(word => /\.cnx$|^--differential$/.test(word)));

/** A process has one current directory, so one command at a time is in it. */
let last: Promise<unknown> = Promise.resolve();
function inTurn(work: () => Promise<CliResult>): Promise<CliResult> {
  const next = last.then(work);
  last = next.catch(() => {});
  return next;
}

/** What a command leaves open is closed by the garbage collector, some time, with a warning on standard error. */
const leftOpen = (): readonly string[] =>
  (openFiles() ?? []).filter(name => name.startsWith(path.join(os.tmpdir(), "cnxc-")));

async function here(words: readonly string[], cwd: string): Promise<CliResult> {
  process.env.NO_COLOR = "1";
  delete process.env.FORCE_COLOR;
  process.chdir(cwd);
  const before = leftOpen();
  const live = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const result = await runCommandLine(words).catch(crash);
    if (result.exitCode !== null && result.text === "")
      throw new Error(`cnxc ${words.join(" ")}: a child has done the work`);
    const left = leftOpen().filter(name => !before.includes(name));
    if (left.length > 0) throw new Error(`cnxc ${words.join(" ")}: left open: ${left.join(", ")}`);
    const { stdout, stderr } = render(result, wantsJson(words));
    const said = live.mock.calls.map(([text]) => String(text)).join("");
    return { code: exitCodeOf(result), signal: null, stdout, stderr: said + stderr };
  } finally {
    live.mockRestore();
    process.chdir(root);
  }
}
