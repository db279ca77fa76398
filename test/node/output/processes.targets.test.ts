import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

const script = path.resolve("test/support/publish-often.mjs");
const versions: readonly (readonly string[])[] = [
  ["cnxc.manifest.json", "model.ts", "notes.md", "wgsl/a.wgsl", "wgsl/b.wgsl"],
  ["cnxc.manifest.json", "model.ts", "notes.md", "onnx/m.onnx", "wgsl/a.wgsl"],
];
const texts: readonly string[] = ["one", "two"];

/** 0 or 1 for a whole version with the user's file, null for anything else. */
function versionIn(out: string): number | null {
  const found = snapshot(out);
  const index = versions.findIndex(files => JSON.stringify(files) === JSON.stringify(Object.keys(found ?? {})));
  return found?.["model.ts"] === texts[index] && found?.["notes.md"] === "mine" ? index : null;
}

/** Runs the script; with `after` it is killed so many milliseconds after it began to work. */
const run = (words: readonly string[], after: number | null = null): Promise<number | null> =>
  new Promise(resolve => {
    const child = spawn(process.execPath, [script, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.once("data", () => {
      if (after !== null) setTimeout(() => child.kill("SIGKILL"), after);
    });
    child.on("close", resolve);
  });

async function firstVersion(): Promise<string> {
  const out = path.join(newFolder(), "out");
  expect(await run([out, "1", "old"])).toBe(0);
  fill(out, { "notes.md": "mine" });
  return out;
}
const besides = (out: string) => fs.readdirSync(path.dirname(out)).filter(name => name !== "out");

test("D18: processes that write at once take turns, and the last one's output is whole", async () => {
  const out = await firstVersion();
  expect(await Promise.all([1, 2, 3, 4].map(() => run([out, "10"])))).toEqual([0, 0, 0, 0]);
  expect([versionIn(out), besides(out)]).toEqual([expect.any(Number), []]);
});

test("D24: after a kill at any moment the next run goes on from a whole version, and loses nothing", async () => {
  for (let i = 0; i < (full ? 100 : 12); i++) {
    const out = await firstVersion();
    expect(await run([out, "100000"], (i * 7) % 50)).toBe(null);
    if (fs.existsSync(out) && !besides(out).includes(".out.cnxc-old")) expect(versionIn(out)).not.toBe(null);
    expect(await run([out, "1", "new"])).toBe(0);
    expect([versionIn(out), besides(out)]).toEqual([1, []]);
  }
});
