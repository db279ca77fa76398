import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { dict, npy, npyHeader, pickle, tensor, torchZip } from "../../support/pickle-writer.ts";
import { writeTensors } from "../../support/tensors.ts";
import { zip } from "../../support/zip-writer.ts";

const shape = [1, 3, 32, 32];
const image = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
const data = new Uint8Array(image.buffer);
const array = npy(npyHeader("<f4", shape), data);

function project(): string {
  const folder = newFolder();
  fs.writeFileSync(path.join(folder, "a.cnx"), "model a { depths [1]  dims [8]  input 32x32x3 }");
  return folder;
}
const run = (folder: string, input: string) =>
  cnxc(["run", "a.cnx", "--on", "reference", "-w", "random:1", "-i", input, "--out", `${input}.out.safetensors`], {
    cwd: folder,
  });

test.each<[title: string, bytes: Uint8Array]>([
  ["numpy.savez", zip([{ name: "pixel_values.npy", data: array }])],
  ["torch.save", torchZip(pickle(dict(["pixel_values", tensor({ key: "0", shape })])), { 0: data })],
])("inputs from %s are those from safetensors", async (_, bytes) => {
  const folder = project();
  await writeTensors(path.join(folder, "in"), [f32Tensor("pixel_values", shape, () => image)]);
  fs.writeFileSync(path.join(folder, "other"), bytes);
  for (const input of ["in", "other"])
    expect((await run(folder, input)).code, (await run(folder, input)).stderr).toBe(0);
  const read = (file: string) => fs.readFileSync(path.join(folder, file));
  expect(read("other.out.safetensors").equals(read("in.out.safetensors"))).toBe(true);
});

test.each<[title: string, bytes: string | Uint8Array, kind: string, says: string]>([
  ["F44: a text", "# cnxc\n\nA compiler.\n", "E_W_FORMAT", "neither safetensors nor written by torch.save"],
  ["F44: a page", "<!DOCTYPE html><html></html>", "E_W_FORMAT", "an HTML page"],
  ["F45: an array without a name", array, "E_W_FORMAT", "write it with numpy.savez, under its name"],
  ["F46: a config.json", '{"model_type": "convnextv2"}', "E_W_FORMAT", "no index of shards"],
  ["F46: an index", '{"weight_map": {"pixel_values": "in"}}', "E_W_MISSING", "there are no files beside it"],
  ["another name", zip([{ name: "x.npy", data: array }]), "E_R_INPUT", "missing, the file holds x"],
])("%s is no input", async (_, bytes, kind, says) => {
  const folder = project();
  fs.writeFileSync(path.join(folder, "in"), bytes);
  const { stderr } = await run(folder, "in");
  expect(stderr).toContain(`error[${kind}/`);
  expect(stderr).toContain(says);
  expect(fs.existsSync(path.join(folder, "in.out.safetensors"))).toBe(false);
});
