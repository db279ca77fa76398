import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { cached } from "../../src/node/files/cache.ts";

/**
 * A folder that holds these files and what the commands make of them there: from the cache where the same was built
 * before, by a compiler of the same version. Commands are looked up on the PATH; one that fails throws what it said.
 */
export function builtOnce(
  name: string,
  files: Readonly<Record<string, string>>,
  commands: readonly (readonly [program: string, ...words: string[]])[],
): Promise<string> {
  const programs = [...new Set(commands.map(([program]) => program))];
  const versions = programs.map(program => spawnSync(program, ["--version"], { encoding: "utf8" }).stdout);
  const key = Buffer.from(JSON.stringify([versions, files, commands]));
  return cached(path.resolve("node_modules"), `test-${name}`, key, async folder => {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    for (const [program, ...words] of commands) {
      const { status, stderr, error } = spawnSync(program, words, { cwd: folder, encoding: "utf8" });
      if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr.split("\n").slice(0, 12).join("\n")}`);
    }
  });
}
