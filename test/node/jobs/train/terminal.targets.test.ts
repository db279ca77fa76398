import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cliFile } from "../../../support/cli-process.ts";
import { fill, newFolder } from "../../../support/folders.ts";
import { writePng } from "../../../support/png.ts";
import { drawBatches } from "../../cli/train.ts";

/** Whether this machine has a program that gives another one a terminal, with these words. */
const hasTerminal = process.platform === "linux" && spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

test.runIf(hasTerminal)(
  "a terminal has one line that rewrites itself, and of each evaluation a line that stays",
  async () => {
    const folder = newFolder();
    fill(folder, {
      "t.cnx": `model m { depths [1]  dims [4]  input 8x8x3  head classifier { classes 2 } }
train t { model m  batch 1  steps 4 }
`,
    });
    await drawBatches(path.join(folder, "b.safetensors"), { pixel_values: [1, 3, 8, 8], targets: [1, 2] }, 4);
    for (const name of ["val/a", "val/b"]) {
      fs.mkdirSync(path.join(folder, name), { recursive: true });
      const data = Buffer.alloc(8 * 8 * 4, name === "val/a" ? 255 : 128);
      fs.writeFileSync(path.join(folder, name, "0.png"), writePng({ width: 8, height: 8, data }));
    }
    const words = "--on reference --batches b.safetensors --val val --save-every 2 -o run";
    const command = `stty cols 80; ${process.execPath} ${cliFile} train t.cnx ${words}`;
    const { stdout, status } = spawnSync("script", ["-qec", command, "/dev/null"], { cwd: folder, encoding: "utf8" });
    expect(status).toBe(0);
    const lines = stdout.split("\r\n");
    const stays = lines.map(line => line.split("\r\u001b[K").at(-1) ?? "");
    expect(stays.filter(line => /^step [24] {2}validation: loss [\d.]+, top-1 [\d.]+ %$/.test(line)).length).toBe(2);
    expect(stays.filter(line => line.startsWith("step ") && !line.includes("validation"))).toEqual([]);
    const drawn = lines.flatMap(line => line.split("\r\u001b[K")).filter(part => part.startsWith("step "));
    expect(drawn).toContainEqual(
      expect.stringMatching(/^step 1\/4 \[#{4}-{12}\] 25\.0% .* images\/s loss [\d.]+ .* left$/),
    );
    expect(drawn.filter(part => part.length > 79)).toEqual([]);
  },
);
