import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { memorySource } from "../../../src/weights/formats/source.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";

const script = path.resolve(import.meta.dirname, "../../../scripts/golden-weights.mjs");
const goldens = ["dense/micro-64x64-b2", "fcmae/micro-128-b2", "options/micro-v1-64x64-b2"] as const;
const count = 3;
const shardName = (k: number): string => `model-0000${k + 1}-of-0000${count}.safetensors`;

/** Weights as one file and as shards of neighbouring tensors, with an index as transformers writes it. */
async function split(golden: string): Promise<string> {
  const folder = newFolder();
  execFileSync(process.execPath, [script, golden, folder]);
  const file = await readSafetensors(memorySource("w", fs.readFileSync(path.join(folder, "weights.safetensors"))));
  if (!file.ok) throw new Error("not read");
  const { tensors, metadata, bytes } = file.value;
  const all = [...tensors.values()].map(tensor => ({ ...tensor, bytes: () => bytes(tensor.name) }));
  const map: Record<string, string> = {};
  for (let k = 0; k < count; k++) {
    const part = all.slice((k * all.length) / count, ((k + 1) * all.length) / count);
    for (const { name } of part) map[name] = shardName(k);
    fs.writeFileSync(path.join(folder, shardName(k)), "");
    for await (const piece of writeSafetensors(part, Object.fromEntries(metadata)))
      fs.appendFileSync(path.join(folder, shardName(k)), piece);
  }
  const sorted = Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  const index = { metadata: { total_size: 1 }, weight_map: sorted };
  fs.writeFileSync(path.join(folder, "model.safetensors.index.json"), JSON.stringify(index, null, 2));
  return folder;
}

describe.each(goldens)("%s in shards", golden => {
  test.each([
    ["official", []],
    ["official", ["--dtype", "f16"]],
    [golden.startsWith("fcmae") ? "fcmae" : "timm", []],
  ] as const)("F46: converted to %s %j: the same bytes as one file", async (naming, options) => {
    const folder = await split(golden);
    fs.mkdirSync(path.join(folder, "out"));
    const converted = async (file: string) => {
      const words = ["weights", "convert", file, "--to", naming, ...options, "-o", `out/${file}.safetensors`];
      const { code, stderr } = await cnxc(words, { cwd: folder });
      expect(code, stderr).toBe(0);
      return fs.readFileSync(path.join(folder, `out/${file}.safetensors`));
    };
    expect((await converted("model.safetensors.index.json")).equals(await converted("weights.safetensors"))).toBe(true);
  });
});

test("F46: what compile makes of shards, and the hash that it names", async () => {
  const folder = await split("dense/micro-64x64-b2");
  const spec = path.resolve("specs/micro.cnx");
  for (const [file, out] of [
    ["weights.safetensors", "one"],
    ["model.safetensors.index.json", "many"],
  ] as const) {
    const words = ["compile", spec, "-m", "micro", "-t", "wgsl", "-w", file, "-o", out];
    const { code, stderr } = await cnxc(words, { cwd: folder });
    expect(code, stderr).toBe(0);
  }
  const read = (file: string) => fs.readFileSync(path.join(folder, file));
  expect(read("many/micro/weights.safetensors").equals(read("one/micro/weights.safetensors"))).toBe(true);
  const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
  // As docs/weights.md says: sha256sum model-*.safetensors | sha256sum
  const lines = Array.from({ length: count }, (_, k) => `${sha256(read(shardName(k)))}  ${shardName(k)}\n`);
  const manifest = read("many/cnxc.manifest.json").toString();
  expect(manifest).toContain("model.safetensors.index.json");
  expect(manifest).toContain(sha256(lines.join("")));
});
