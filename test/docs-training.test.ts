import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { formatSpec } from "../src/syntax/format.ts";
import { cnxc } from "./support/cli.ts";
import { newFolder } from "./support/folders.ts";
import { writePng } from "./support/png.ts";
import { must } from "./syntax/support.ts";

const text = readFileSync("docs/training.md", "utf8");
const specs = [...text.matchAll(/```cnx\n(.*?)```/gs)].map(([, code = ""]) => code);
const commands = [...text.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, code = ""]) => code.trim().split("\n"));

/** The same for fewer, smaller layers and hardly any steps: what the page says takes hours. */
const smaller = (spec: string): string =>
  spec
    .replaceAll(/(depths +)\[[\d, ]+\]/g, (_, name: string) => `${name}[1, 1]`)
    .replaceAll(/(dims +)\[[\d, ]+\]/g, (_, name: string) => `${name}[4, 8]`)
    .replaceAll("64x64x3", "16x16x3")
    .replaceAll("32x32x3", "16x16x3")
    .replaceAll("patch_size 16", "patch_size 4")
    .replaceAll(/(batch +)\d+/g, "$12")
    .replaceAll(/(epochs|steps)( +)\d+/g, "$1$22")
    .replaceAll(/warmup \d+/g, "warmup 1")
    .replaceAll(/dim \d+/g, "dim 4");

test("the specs of docs/training.md are formatted", () => {
  expect(specs.length).toBe(2);
  for (const code of specs) expect(must(formatSpec({ name: "input.cnx", text: code }))).toBe(code);
});

test("the commands of docs/training.md do what it says, one after the other", async () => {
  const folder = newFolder();
  for (const [i, code] of specs.entries())
    writeFileSync(path.join(folder, ["photos.cnx", "grn.cnx"][i] ?? ""), smaller(code));
  for (const [i, kind] of ["bird", "cat", "dog", "fish"].entries())
    for (const at of ["photos", "held-out"]) {
      mkdirSync(path.join(folder, at, kind), { recursive: true });
      for (const n of [1, 2]) {
        const data = Buffer.from(
          Array.from({ length: 4 * 20 * 20 }, (_, k) => (k % 4 === 3 ? 255 : (k * (i + n)) % 251)),
        );
        writeFileSync(path.join(folder, at, kind, `${n}.png`), writePng({ width: 20, height: 20, data }));
      }
    }
  /** The last checkpoint, whatever its number is here. */
  const lastOf = (run: string): string =>
    readdirSync(path.join(folder, run, "checkpoints"))
      .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
      .at(-1) ?? "";

  expect(commands.length).toBe(9);
  for (const command of commands) {
    const [program, ...words] = command
      .replaceAll(/(\w+)\/checkpoints\/step-\d+/g, (_, run: string) => `${run}/checkpoints/${lastOf(run)}`)
      .split(" ");
    const on = /^(train|reconstruct|classify)$/.test(words[0] ?? "") ? ["--on", "reference"] : [];
    expect(program).toBe("cnxc");
    const { code, stderr } = await cnxc([...words, ...on], { cwd: folder });
    expect([command, code, stderr]).toEqual([command, 0, expect.not.stringContaining("error")]);
  }
  for (const file of ["pretrained/report.html", "finetuned/report.html", "cat.html", "out/classes", "timm.safetensors"])
    expect(existsSync(path.join(folder, file)), file).toBe(true);
  const distances = (run: string) =>
    readFileSync(path.join(folder, run, "evaluations.jsonl"), "utf8").match(/"channel_distance"/g)?.length;
  expect([distances("with"), distances("without")]).toEqual([1, 1]);
});
