import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cliFile } from "../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

// Process namespaces, as containers have them: on one volume, the same number is another process in each.
const inNamespace = ["--pid", "--fork", "--mount-proc"];
const canUnshare = spawnSync("unshare", [...inNamespace, "true"]).status === 0;

const script = path.resolve("test/support/publish-often.mjs");

const run = (command: string, words: readonly string[], cwd?: string): Promise<number | null> =>
  new Promise(resolve => {
    const child = spawn(command, words, { cwd, stdio: ["ignore", "ignore", "inherit"] });
    child.on("close", resolve);
  });

describe.skipIf(!canUnshare)("writers in several containers", () => {
  test("8 in 4 namespaces take turns, and each time the output is that of one", async () => {
    const out = path.join(newFolder(), "out");
    for (let round = 0; round < (full ? 50 : 2); round++) {
      const writers = Array.from({ length: 4 }, () => {
        const two = `"$0" "$1" "$2" 1 old & a=$!; "$0" "$1" "$2" 1 new & b=$!; wait $a && wait $b`;
        return run("unshare", [...inNamespace, "sh", "-c", two, process.execPath, script, out]);
      });
      expect([round, await Promise.all(writers)]).toEqual([round, [0, 0, 0, 0]]);
      const found = snapshot(out) ?? {};
      const version = found["model.ts"] === "one" ? ["wgsl/a.wgsl", "wgsl/b.wgsl"] : ["onnx/m.onnx", "wgsl/a.wgsl"];
      expect([round, Object.keys(found)]).toEqual([round, ["cnxc.manifest.json", "model.ts", ...version]]);
      expect(fs.readdirSync(path.dirname(out))).toEqual(["out"]);
    }
  });

  test("one that was killed in another container is not waited for for ever", async () => {
    const folder = newFolder();
    const out = path.join(folder, "out");
    fill(folder, { "m.cnx": "model m { depths [1] dims [4] input 32x32x3 }\n" });
    const held = `"$0" test/support/publish-slowly.mjs "$1" & sleep 1; kill -9 $!`;
    expect(await run("unshare", [...inNamespace, "sh", "-c", held, process.execPath, out], process.cwd())).not.toBe(
      null,
    );
    expect(fs.readdirSync(folder)).toContain(".out.cnxc-lock");
    expect(await run(process.execPath, [cliFile, "compile", "m.cnx", "-t", "onnx", "-o", "out"], folder)).toBe(0);
    expect(fs.readdirSync(folder).sort()).toEqual(["m.cnx", "out"]);
  });
});
