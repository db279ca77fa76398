import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cliFile } from "../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { writeTensors } from "../../support/tensors.ts";
import { canWatch, watchedLibrary } from "../../support/watched.ts";

// The process is killed at one call after the other by which it changes files, by a library that is loaded before all
// others. After each kill, what is there is the old output or the new one, what is the user's is untouched, and the next
// command and `verify` find nothing wrong.

let watched = "";
beforeAll(async () => {
  if (canWatch) watched = await watchedLibrary();
});

const run = (words: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) =>
  new Promise<{ readonly code: number | null; readonly killed: boolean; readonly stderr: string }>(resolve => {
    const child = spawn(process.execPath, [cliFile, ...words], {
      cwd,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", part => {
      stderr += part;
    });
    child.on("close", (code, signal) => resolve({ code, killed: signal === "SIGKILL", stderr }));
  });

const spec = `model m { depths [1] dims [4] input 32x32x3 head classifier { classes 3 } }
sweep s extends m { mlp_ratio in [1, 2] }
`;
const table = { format: 1, architecture: "sm_90", device: "a", rows: [] };

/** What each command needs beside the spec, and how it is told to make its old output and its new one, under the name OUT. */
const commands: Readonly<Record<string, { readonly old: readonly string[]; readonly new: readonly string[] }>> = {
  "compile -o": {
    old: ["compile", "m.cnx", "-t", "wgsl,onnx", "-o", "OUT"],
    new: ["compile", "m.cnx", "-t", "wgsl,onnx", "--opset", "17", "-o", "OUT"],
  },
  "explore -o": {
    old: ["explore", "m.cnx", "-o", "OUT"],
    new: ["explore", "m.cnx", "--top", "1", "-o", "OUT"],
  },
  "tune -o": {
    old: ["tune", "--merge", "a.json", "-o", "OUT"],
    new: ["tune", "--merge", "b.json", "-o", "OUT"],
  },
  "weights convert -o": {
    old: ["weights", "convert", "w.safetensors", "-o", "OUT"],
    new: ["weights", "convert", "w.safetensors", "--to", "timm", "-o", "OUT"],
  },
  "import -o": {
    old: ["import", "convnextv2_atto", "-o", "OUT"],
    new: ["import", "convnextv2_femto", "-o", "OUT"],
  },
};

async function prepare(folder: string): Promise<void> {
  const b = { ...table, device: "b" };
  fill(folder, { "m.cnx": spec, "a.json": JSON.stringify(table), "b.json": JSON.stringify(b), "OUTlook.md": "mine" });
  const stem = f32Tensor("downsample_layers.0.0.weight", [4, 3, 4, 4], () => new Float32Array(4 * 3 * 4 * 4).fill(1));
  await writeTensors(path.join(folder, "w.safetensors"), [stem]);
}

describe.skipIf(!canWatch)("a kill at any call", () => {
  test.each(Object.entries(commands))("%s: old or new, and the next command goes on from there", async (_, command) => {
    const made = newFolder();
    await prepare(made);
    const inputs = snapshot(made);
    expect(await run(command.old, made)).toMatchObject({ code: 0 });
    const isFolder = fs.statSync(path.join(made, "OUT")).isDirectory();
    const mine: Readonly<Record<string, string>> = isFolder ? { "OUT/notes.md": "mine", "OUT/m/mine.txt": "mine" } : {};
    const verified = command.old[0] === "compile";
    fill(made, mine);
    const old = snapshot(made);

    const report = path.join(newFolder(), "report");
    const whole = copyOf(made);
    const watch = { LD_PRELOAD: watched, WATCH_BELOW: "OUT" };
    expect(await run(command.new, whole, { ...watch, WATCH_REPORT: report })).toMatchObject({ code: 0 });
    const anew = snapshot(whole);
    expect(anew).not.toEqual(old);
    const calls = fs.readFileSync(report, "utf8").split("\n").length - 1;
    expect(calls).toBeGreaterThan(3);

    const seen = new Set<string>();
    // An odd number of the others, so that over time other calls are met.
    for (let at = 1; at <= calls; at += full ? 1 : Math.ceil(calls / 3)) {
      const folder = copyOf(made);
      const killed = await run(command.new, folder, { ...watch, WATCH_KILL: `${at}` });
      expect([at, killed.killed]).toEqual([at, true]);
      const found = snapshot(folder) ?? {};
      const state = stateOf(found, { old, anew, mine, inputs });
      seen.add(state);
      expect([at, state]).not.toEqual([at, "torn"]);
      if (verified && state !== "absent")
        expect([at, await run(["verify", "OUT"], folder)]).toMatchObject([at, { code: 0 }]);
      if (verified && state === "absent")
        expect((await run(["verify", "OUT"], folder)).stderr).toContain("comes back with the next compile");
      expect([at, await run(command.new, folder)]).toMatchObject([at, { code: 0 }]);
      expect([at, snapshot(folder)]).toEqual([at, anew]);
      if (verified) expect([at, await run(["verify", "OUT"], folder)]).toMatchObject([at, { code: 0 }]);
      fs.rmSync(folder, { recursive: true });
    }
    expect(seen).toContain("old");
  });
});

function copyOf(folder: string): string {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-test-"));
  fs.cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

type Files = Readonly<Record<string, string>>;

/** Which output there is, whole, with all that is the user's somewhere; rests of ours may lie about. */
function stateOf(
  found: Files,
  {
    old,
    anew,
    mine,
    inputs,
  }: { readonly old: Files | null; readonly anew: Files | null; readonly mine: Files; readonly inputs: Files | null },
): "old" | "new" | "absent" | "torn" {
  const entries = Object.entries(found);
  for (const [name, text] of Object.entries(inputs ?? {})) if (found[name] !== text) return "torn";
  for (const [name, text] of Object.entries(mine)) {
    const set = name.replace(/^OUT\//, ".OUT.cnxc-old/");
    if (found[name] !== text && found[set] !== text) return "torn";
  }
  const ours = (files: Files | null) =>
    JSON.stringify(Object.entries(files ?? {}).filter(([name]) => /^OUT(\/|$)/.test(name) && !(name in mine)));
  const here = ours(found);
  if (here === ours(old)) return "old";
  if (here === ours(anew)) return "new";
  return here === "[]" && entries.some(([name]) => name.startsWith(".OUT.cnxc-old/")) ? "absent" : "torn";
}
