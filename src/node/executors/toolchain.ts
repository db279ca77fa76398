import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { OutputFile } from "../../emit/target.ts";
import { cached } from "../files/cache.ts";
import { onInterrupt } from "../process/interrupt.ts";

/** Where generated CUDA sources run: their threads as fibers of a CPU, or on a GPU. */
export type CudaMachine = "cpu" | "gpu";

interface Toolchain {
  readonly compiler: string;
  readonly arguments: readonly string[];
  /** What is missing where the compiler is not found, and what to install. */
  readonly missing: readonly [what: string, how: string];
}

const toolchains: { readonly [K in CudaMachine]: Toolchain } = {
  cpu: {
    compiler: "g++",
    // The kernels read pairs of 16-bit values as words, as PTX does.
    arguments: ["-std=c++20", "-O2", "-fno-strict-aliasing", "-pthread", "-x", "c++"],
    missing: ["the compiler g++", "install GCC 11 or newer (on Debian and Ubuntu: apt install g++)"],
  },
  gpu: {
    compiler: "nvcc",
    arguments: ["-std=c++17", "-O3", "-arch=native", "-x", "cu"],
    missing: ["the compiler nvcc", "install the CUDA toolkit 12 or newer"],
  },
};

const purposes: { readonly [K in CudaMachine]: string } = {
  cpu: "running CUDA kernels on the CPU",
  gpu: "running CUDA kernels",
};

/** A program built from generated sources, from the cache where the same was built before. */
export async function buildCuda(
  machine: CudaMachine,
  files: readonly OutputFile[],
  progress: (line: string) => void,
): Promise<Result<string>> {
  const tool = toolchains[machine];
  const version = await runTool(tool.compiler, ["--version"]);
  if (version === null) return fail(error("missing-tool", null, tool.missing[0], purposes[machine], tool.missing[1]));
  if (machine === "gpu" && ((await runTool("nvidia-smi", ["-L"]))?.code ?? 1) !== 0)
    return fail(
      error("missing-tool", null, "a CUDA device with its driver", purposes.gpu, "use --on cuda-cpu on this machine"),
    );
  const sources = files.filter(({ path: name }) => /\.(cu|h)$/.test(name));
  // One translation unit compiles faster than many: the header is read once.
  const whole = sources
    .filter(({ path: name }) => name.endsWith(".cu"))
    .map(({ path: name }) => `#include "${name}"\n`);
  const key = createHash("sha256").update(JSON.stringify([version.stdout, tool.arguments, process.arch]));
  for (const { path: name, contents } of sources) key.update(`\n${name}\n${String(contents)}`);
  let failure = "";
  try {
    const folder = await cached(modulesFolder(), `cuda-${machine}`, key.digest(), async target => {
      progress(`compiling ${whole.length} files with ${tool.compiler}`);
      for (const { path: name, contents } of sources) {
        await fs.mkdir(path.dirname(path.join(target, name)), { recursive: true });
        await fs.writeFile(path.join(target, name), contents as string);
      }
      const unit = path.join(target, "all.cu");
      await fs.writeFile(unit, whole.join(""));
      const compiled = await runTool(tool.compiler, [...tool.arguments, unit, "-o", path.join(target, "run")]);
      failure = compiled?.stderr ?? "it could not be started";
      if (compiled?.code !== 0) throw new CompileError();
    });
    return ok(path.join(folder, "run"));
  } catch (cause) {
    if (!(cause instanceof CompileError)) throw cause;
    const line = failure.split("\n").find(text => /error/i.test(text)) ?? failure.split("\n")[0] ?? "";
    return fail(error("tool-failed", null, tool.compiler, line.trim().slice(0, 300)));
  }
}

class CompileError extends Error {}

export interface ToolRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; null where there is no such program. It ends with us when the user interrupts. */
export function runTool(command: string, args: readonly string[]): Promise<ToolRun | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const done = onInterrupt(() => child.kill("SIGKILL"));
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", part => {
      stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", part => {
      stderr += part;
    });
    child.on("error", (cause: NodeJS.ErrnoException) => {
      done();
      if (cause.code === "ENOENT" || cause.code === "EACCES") resolve(null);
      else reject(cause);
    });
    child.on("close", code => {
      done();
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

/** The node_modules folder that cnxc lies in, or its own. */
function modulesFolder(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const inside = here.lastIndexOf(`${path.sep}node_modules${path.sep}`);
  return inside >= 0
    ? here.slice(0, inside + `${path.sep}node_modules`.length)
    : path.resolve(here, "../../../node_modules");
}
