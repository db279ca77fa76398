import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { writeTensors } from "../../support/tensors.ts";

const base = "model base { depths [1, 1]  dims [4, 8]  input 32x32x3  head classifier { classes 3 } }\n";

/** A spec that imports another, weights in a file and in shards, an input, a config. */
async function layOut(): Promise<string> {
  const folder = newFolder();
  fill(folder, {
    "base.cnx": base,
    "m.cnx": 'import "base.cnx"\nmodel m extends base {}\nsweep s extends m { mlp_ratio in [1, 2] }\n',
    bare: 'import "kin"\nmodel m extends base {}\n',
    kin: base,
    "c.json": '{"model_type":"convnextv2"}',
  });
  const image = f32Tensor("pixel_values", [1, 3, 32, 32], () => new Float32Array(3072));
  await writeTensors(path.join(folder, "in.safetensors"), [image]);
  const compiled = ["compile", "m.cnx", "-m", "m", "-t", "wgsl", "-w", "random:1", "-o", "built"];
  expect((await cnxc(compiled, { cwd: folder })).code).toBe(0);
  fs.renameSync(path.join(folder, "built/m/weights.safetensors"), path.join(folder, "w.safetensors"));
  fs.rmSync(path.join(folder, "built"), { recursive: true });
  const header = JSON.parse(headerOf(fs.readFileSync(path.join(folder, "w.safetensors")))) as Record<string, unknown>;
  const names = Object.keys(header).filter(name => name !== "__metadata__");
  const index = { weight_map: Object.fromEntries(names.map(name => [name, "w.safetensors"])) };
  fill(folder, { "w.safetensors.index.json": JSON.stringify(index) });
  fs.symlinkSync("w.safetensors", path.join(folder, "link.safetensors"));
  return folder;
}

const headerOf = (file: Buffer): string => file.subarray(8, 8 + Number(file.readBigUInt64LE(0))).toString();

const run = ["run", "m.cnx", "-m", "m", "-i", "in.safetensors", "--on", "reference"];

test.each<readonly string[]>([
  [...run, "-w", "w.safetensors", "--out", "w.safetensors"],
  [...run, "-w", "link.safetensors", "--out", "w.safetensors"],
  [...run, "-w", "w.safetensors", "--out", "link.safetensors"],
  [...run, "-w", "w.safetensors.index.json", "--out", "w.safetensors"],
  [...run, "-w", "random:1", "--out", "in.safetensors"],
  [...run.with(1, "bare"), "-w", "random:1", "--out", "bare"],
  [...run.with(1, "bare"), "-w", "random:1", "--out", "./kin"],
  ["inspect", "m.cnx", "-m", "m", "-o", "m.cnx"],
  ["inspect", "m.cnx", "-m", "m", "-o", "base.cnx"],
  ["explore", "m.cnx", "--emit", "m.cnx"],
  ["explore", "m.cnx", "--emit", "base.cnx"],
  ["import", "c.json", "-o", "c.json"],
  ["verify", "m.cnx", "-m", "m", "--on", "onnx", "-w", "w.safetensors", "-o", "w.safetensors"],
  ["weights", "convert", "w.safetensors", "--dtype", "f16", "-o", "w.safetensors"],
  ["weights", "convert", "w.safetensors.index.json", "-o", "w.safetensors"],
])(
  "a result is not written over what the command reads: cnxc %s %s %s %s %s %s %s %s %s %s %s %s",
  async (...words) => {
    const folder = await layOut();
    const before = snapshot(folder);
    const { code, stderr } = await cnxc(words, { cwd: folder });
    expect([code, stderr]).toEqual([6, expect.stringContaining("result-over-input")]);
    expect(snapshot(folder)).toEqual(before);
  },
);

test.each([
  [[...run, "-w", "random:1", "--out", "m.cnx"], "--out is 'm.cnx', expected a name that ends in .safetensors or .npz"],
  [
    ["weights", "convert", "w.safetensors", "-o", "w.npz"],
    "--output is 'w.npz', expected a name that ends in .safetensors",
  ],
])("nor under a name that says another format: cnxc %j", async (words, said) => {
  const folder = await layOut();
  const before = snapshot(folder);
  const { code, stderr } = await cnxc(words, { cwd: folder });
  expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  expect(snapshot(folder)).toEqual(before);
});

test("an output folder that holds what is read is refused, imports and shards too", async () => {
  const folder = await layOut();
  fs.mkdirSync(path.join(folder, "out"));
  for (const name of ["base.cnx", "w.safetensors"]) fs.cpSync(path.join(folder, name), path.join(folder, "out", name));
  fill(folder, { "n.cnx": 'import "out/base.cnx"\nmodel n extends base {}\n' });
  const before = snapshot(folder);
  const imported = await cnxc(["compile", "n.cnx", "-m", "n", "-t", "onnx", "-o", "out"], { cwd: folder });
  expect([imported.code, imported.stderr]).toEqual([6, expect.stringContaining("output-holds-input")]);
  const words = ["compile", "m.cnx", "-m", "m", "-t", "onnx", "-w", "out/w.safetensors", "-o", "out"];
  const weighted = await cnxc(words, { cwd: folder });
  expect([weighted.code, weighted.stderr]).toEqual([6, expect.stringContaining("output-holds-input")]);
  expect(snapshot(folder)).toEqual(before);
});
