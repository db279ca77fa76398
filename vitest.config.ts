import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import * as path from "node:path";
import { defineConfig } from "vitest/config";

/**
 * Tests in tiers, by what they need. `fast` is `npm test`: what this process can do, and little of what it cannot.
 * `targets` are the files *.targets.test.ts: software GPUs, compilers, browsers, child processes. `full` is more of
 * both, in the files that ask whether it is wanted. Without a tier, `npx vitest run FILE` runs the file.
 */
const tiers: Readonly<Record<string, { readonly include: string[]; readonly exclude?: string[] }>> = {
  fast: { include: ["test/**/*.test.ts"], exclude: ["test/**/*.targets.test.ts"] },
  targets: { include: ["test/**/*.targets.test.ts"] },
  full: { include: filesThatHaveMore() },
};

function filesThatHaveMore(): string[] {
  const files = fs.readdirSync("test", { recursive: true, encoding: "utf8" }).map(file => `test/${file}`);
  return files.filter(file => file.endsWith(".test.ts") && fs.readFileSync(file, "utf8").includes("/full.ts")).sort();
}

/** A thread for each job, which loads the compiler anew, takes longer than most jobs: they run where they are asked for. */
const jobsWithoutThreads = {
  name: "jobs-without-threads",
  enforce: "pre" as const,
  resolveId: (source: string, importer?: string) =>
    source.endsWith("jobs/run-job.ts") && importer?.includes("/src/node/cli/")
      ? path.resolve("test/support/run-job.ts")
      : null,
};

export default defineConfig(({ mode }) => ({
  plugins: [jobsWithoutThreads],
  test: {
    ...(tiers[mode] ?? { include: ["test/**/*.test.ts"] }),
    // Limits are for what hangs: on a machine with ten other busy processes everything takes ten times as long.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    pool: "forks",
    // Files share a process and what it has loaded, which took a third of the time: modules keep no state between calls,
    // and what a file starts (a device, a folder, a spy) ends with it.
    isolate: false,
    // One more than there are cores: some wait, for a child or a lock.
    maxWorkers: availableParallelism() + 1,
  },
}));
