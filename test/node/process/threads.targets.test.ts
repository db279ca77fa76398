import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cliFile } from "../../support/cli-process.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";

const spec = (epochs: number) => `model m { depths [1]  dims [4]  input 8x8x3  head classifier { classes 2 } }
train t { model m  batch 2  epochs ${epochs}  schedule cosine { warmup 1  total 4000 } }
`;

/** A process that trains on pictures, and what it ends with. `stop` is a signal it gets when its log is there. */
function train(epochs: number, whole: boolean, stop: NodeJS.Signals | null = null) {
  const folder = newFolder();
  fill(folder, { "t.cnx": spec(epochs) });
  for (let i = 0; i < 8; i++) {
    const file = path.join(folder, "pictures", i % 2 === 0 ? "cat" : "dog", `${i}.png`);
    mkdirSync(path.dirname(file), { recursive: true });
    const data = Buffer.alloc(4 * 9 * 9, 30 * i);
    writeFileSync(file, whole || i < 3 ? writePng({ width: 9, height: 9, data }) : "no picture");
  }
  const words = ["train", "t.cnx", "--on", "reference", "--data", "pictures", "-o", "run"];
  const child = spawn(process.execPath, [cliFile, ...words], { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
  let said = "";
  child.stderr.on("data", part => {
    said += part;
  });
  const log = path.join(folder, "run/log.jsonl");
  const watch = setInterval(() => {
    if (stop === null || !existsSync(log) || readFileSync(log).length === 0) return;
    clearInterval(watch);
    child.kill(stop);
  }, 20);
  return new Promise<readonly [number | null, string]>(resolve =>
    child.on("close", code => {
      clearInterval(watch);
      resolve([code, said]);
    }),
  );
}

test("a run with threads ends by itself: done, with an error, and stopped by a signal", async () => {
  expect((await train(2, true))[0]).toBe(0);
  expect(await train(2, false)).toEqual([4, expect.stringContaining("pictures-broken")]);
  expect(await train(900, true, "SIGINT")).toEqual([130, expect.stringContaining("go on by --resume")]);
}, 600_000);
