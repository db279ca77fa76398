import { linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxcProcess } from "../../support/cli-process.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { peakMemory, tellsPeakMemory } from "../../support/peak-memory.ts";
import { writePng } from "../../support/png.ts";

const spec = `model m { depths [1, 1, 1, 1]  dims [4, 4, 4, 4]  input 224x224x3  head classifier { classes 3 } }
`;

/** The most memory that a process has had, in MiB: written where it ends. */
const atEnd = `data:text/javascript,${encodeURIComponent(`import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync("peak", String(${peakMemory} / 1024)));`)}`;

/** What classifying a folder of so many pictures takes at most, in MiB. */
async function peak(count: number): Promise<number> {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec });
  const data = Buffer.alloc(4 * 300 * 260, 99);
  writeFileSync(path.join(folder, "one.png"), writePng({ width: 300, height: 260, data }));
  mkdirSync(path.join(folder, "pictures"));
  for (let i = 0; i < count; i++) linkSync(path.join(folder, "one.png"), path.join(folder, "pictures", `${i}.png`));
  const words = ["classify", "m.cnx", "-w", "random:1", "--on", "onnx", "--top", "1", "--json", "pictures"];
  const env = { NODE_OPTIONS: `--import=${atEnd}` };
  const { code, stdout, stderr } = await cnxcProcess(words, { cwd: folder, env });
  expect([code, stderr.includes("error")]).toEqual([0, false]);
  expect(JSON.parse(stdout).result.images).toHaveLength(count);
  return Number(readFileSync(path.join(folder, "peak"), "utf8"));
}

test.runIf(tellsPeakMemory && full)(
  "pictures are not kept: a thousand take no more memory than a hundred",
  async () => {
    const [few, many] = [await peak(100), await peak(1000)];
    // In the model's size they are 144 KiB each, 127 MiB all together.
    expect(many - few).toBeLessThan(64);
  },
);
