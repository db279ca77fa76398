import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { exitCodes } from "../../../src/diagnostics/exit-codes.ts";
import { hostileArchives } from "../../corpus/pickle.ts";
import { corpusSpec } from "../../corpus/safetensors.ts";
import { entry, file } from "../../corpus/safetensors-build.ts";
import { cnxcProcess } from "../../support/cli-process.ts";
import { newFolder } from "../../support/folders.ts";
import { peakMemory, tellsPeakMemory } from "../../support/peak-memory.ts";

/** Says at the end how much memory a process has had. */
const memory = `process.on("exit", () => process.stderr.write("\\nheld " + ${peakMemory}));`;

const image = file(`{${entry("pixel_values", "F32", [1, 1, 4, 4], 0, 64)}}`, new Uint8Array(64));

test.runIf(tellsPeakMemory).for(hostileArchives)(
  "a process that runs $id takes no more memory than others: $title",
  async row => {
    const { bytes, read, bound = read } = row;
    const folder = newFolder();
    fs.writeFileSync(path.join(folder, "a.cnx"), corpusSpec);
    fs.writeFileSync(path.join(folder, "w.pt"), bytes());
    fs.writeFileSync(path.join(folder, "in.safetensors"), image);
    const words = [
      "run",
      "a.cnx",
      "--on",
      "reference",
      "-w",
      "w.pt",
      "-i",
      "in.safetensors",
      "--out",
      "out.safetensors",
    ];
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(memory)}` };
    const { code, stderr } = await cnxcProcess(words, { cwd: folder, env });
    const held = [...stderr.matchAll(/\nheld (\d+)/g)].map(([, size]) => Number(size));
    expect(held).not.toEqual([]);
    expect(Math.max(...held)).toBeLessThan(512 * 1024);
    const wrong = [read, bound].find(outcome => outcome !== null && !outcome.kind.startsWith("W_"));
    expect(code).toBe(wrong ? exitCodes[wrong.kind] : 0);
  },
);
