import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";

const kindsOf = ({ stderr }: CliResult) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
const published = path.resolve(import.meta.dirname, "../../../specs/convnextv2.cnx");

/** A config and weights as compile writes them, in a folder of their own. */
async function compiled(): Promise<string> {
  const folder = newFolder();
  fill(folder, { "micro.cnx": "model micro {\n  depths [1, 1]\n  dims   [8, 16]\n  input  64x64x3\n}\n" });
  const layout = ["-t", "onnx,wgsl", "--layout", "huggingface"];
  const { code, stderr } = await cnxc(["compile", "micro.cnx", ...layout, "-w", "random:1", "-o", "out"], {
    cwd: folder,
  });
  expect([code, stderr]).toEqual([0, ""]);
  return folder;
}

/** The one file of this name below a folder. */
const find = (folder: string, name: string): string => {
  const found = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .find(file => path.basename(file) === name);
  return path.join(folder, found ?? "");
};

test("a config and weights of compile: specs that check and fmt have nothing to say about", async () => {
  const folder = await compiled();
  for (const source of ["config.json", "weights.safetensors"]) {
    const words = [find(path.join(folder, "out"), source), "--name", "micro", "-o", "again.cnx"];
    const { code, stdout } = await cnxc(["import", ...words], { cwd: folder });
    expect([code, stdout]).toEqual([0, "again.cnx: model micro\n"]);
    expect(await cnxc(["fmt", "--check", "again.cnx"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
    expect(await cnxc(["check", "again.cnx"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
    const spec = fs.readFileSync(path.join(folder, "again.cnx"), "utf8");
    expect(spec).toContain(source === "config.json" ? "input  64x64x3" : "dims   [8, 16]\n}");
  }
});

test("a name, to standard output and to a program", async () => {
  const { code, stdout, stderr } = await cnxc(["import", "convnextv2_atto.fcmae_ft_in1k"]);
  const tested = "timm tests these weights at 288x288 with crop_pct 0.95; the input is 224x224";
  expect([code, stderr]).toEqual([0, `${tested}\n`]);
  expect(stdout).toBe(`// Made by cnxc import from convnextv2_atto.fcmae_ft_in1k.
model convnextv2_atto {
  depths [2, 2, 6, 2]
  dims   [40, 80, 160, 320]
}
`);
  const json = JSON.parse((await cnxc(["import", "convnextv2_atto.fcmae_ft_in1k", "--json"])).stdout);
  expect(json).toMatchObject({ ok: true, result: { model: "convnextv2_atto", spec: stdout } });
});

test("a folder of both configs, by its name and as it is written", async () => {
  const folder = await compiled();
  const hub = path.dirname(find(path.join(folder, "out"), "config.json"));
  for (const source of [hub, `${hub}${path.sep}`])
    expect(await cnxc(["import", source, "--name", "micro", "-o", "again.cnx"], { cwd: folder })).toMatchObject({
      code: 0,
      stderr: "",
    });
  const spec = fs.readFileSync(path.join(folder, "again.cnx"), "utf8");
  expect(spec).toContain(`from ${path.basename(hub)}.\n`);
  expect((await cnxc(["import", ".", "--name", "micro"], { cwd: hub })).stdout).toBe(spec);
  const pictures = path.join(hub, "preprocessor_config.json");
  fs.writeFileSync(pictures, fs.readFileSync(pictures, "utf8").replace('"resample": 3', '"resample": 2'));
  const { code, stdout, stderr } = await cnxc(["import", hub], { cwd: folder });
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("preprocess { interpolation bilinear }");
  fs.rmSync(pictures);
  const usual = stdout.replace(/ *preprocess .*\n/, "");
  expect((await cnxc(["import", hub], { cwd: folder })).stdout.replace(/ +/g, " ")).toBe(usual.replace(/ +/g, " "));
});

test("an id of a hub says what to do, unless its owner is a folder", async () => {
  const folder = newFolder();
  fill(folder, { "runs/a": "" });
  const said = async (id: string) => (await cnxc(["import", id], { cwd: folder })).stderr;
  expect(await said("timm/convnextv2_atto.fcmae_ft_in1k")).toMatch(
    /import-hub-id\]: .*download its config\.json or its folder.*, or timm's name 'convnextv2_atto\.fcmae_ft_in1k' alone/,
  );
  expect(await said("facebook/convnextv2-tiny-1k-224")).toMatch(/import-hub-id\]: .* and give that\n/);
  expect(await said("runs/b")).toContain("file-not-found]");
});

const dilated = '{"architecture": "convnextv2_atto", "model_args": {"output_stride": 16}}';

describe("what is refused, and nothing written", () => {
  test.each<[string, Readonly<Record<string, string>>, readonly string[], number, string]>([
    ["a file that is not there", {}, ["gone.json"], 6, "E_IO_NOTFOUND"],
    ["a name timm does not have", {}, ["convnextv2_mega"], 2, "E_USAGE"],
    ["a broken config", { c: '{"model_type": ' }, ["c"], 4, "E_O_FORMAT"],
    ["another model's config", { c: '{"model_type": "vit"}' }, ["c"], 4, "E_O_FORMAT"],
    ["a deep one", { c: `{"a": ${"[".repeat(100_000)}` }, ["c"], 4, "E_O_FORMAT"],
    ["a file of neither kind", { c: "hello, world" }, ["c"], 4, "E_W_FORMAT"],
    [
      "an image that is smaller than the total stride",
      { c: '{"model_type": "convnextv2", "image_size": [64, 31]}' },
      ["c"],
      3,
      "E_SPEC_SHAPE",
    ],
    ["an id of a hub", {}, ["facebook/convnextv2-tiny-1k-224"], 6, "E_IO_NOTFOUND"],
    ["weights timm does not have", {}, ["convnextv2_atto.fcmae_ft_in22k"], 2, "E_USAGE"],
    ["a network of timm that is none", {}, ["convnext_large_mpl"], 2, "E_USAGE"],
    ["a folder without a config", { "m/model.safetensors": "" }, ["m"], 6, "E_IO_NOTFOUND"],
    ["a folder with a list for a config", { "m/config.json": "[]" }, ["m"], 4, "E_O_FORMAT"],
    ["a folder with a folder for a config", { "m/config.json/a": "" }, ["m"], 6, "E_IO_NOTFILE"],
    [
      "a folder with a broken preprocessor",
      { "m/config.json": '{"model_type": "convnextv2"}', "m/preprocessor_config.json": "{,}" },
      ["m"],
      4,
      "E_O_FORMAT",
    ],
    ["what prepares pictures alone", { c: '{"image_mean": [0.5]}' }, ["c"], 4, "E_O_FORMAT"],
    ["a config in Python", { "c.py": "model = dict(type='EncoderDecoder')\n" }, ["c.py"], 4, "E_O_FORMAT"],
    ["an argument of another network", { c: dilated }, ["c"], 4, "E_O_FORMAT"],
    ["a name that is none", {}, ["convnextv2_atto", "--name", "a b"], 2, "E_USAGE"],
    ["a name of a device", {}, ["convnextv2_atto", "--name", "nul"], 3, "E_SPEC_NAME"],
    ["an output whose folder is not there", {}, ["convnextv2_atto", "-o", "a/b.cnx"], 6, "E_IO_NOTFOUND"],
  ])("%s", async (_, files, words, code, kind) => {
    const folder = newFolder();
    fill(folder, files);
    const before = snapshot(folder);
    const output = words.includes("-o") ? [] : ["-o", "out.cnx"];
    const result = await cnxc(["import", ...words, ...output], { cwd: folder });
    expect([result.code, kindsOf(result), result.stdout], result.stderr).toEqual([code, [kind], ""]);
    expect(result.stderr).not.toMatch(/\n\s+at |node:internal/);
    expect(snapshot(folder)).toEqual(before);
  });
});

test("the sizes that timm and the specs share are the same models", async () => {
  const text = fs.readFileSync(published, "utf8");
  for (const size of ["atto", "nano", "huge"]) {
    const { stdout } = await cnxc(["import", `convnextv2_${size}`, "--name", size]);
    const [, body = ""] = new RegExp(`model ${size} (\\{[^}]*\\})`).exec(text) ?? [];
    expect(stdout).toContain(body);
  }
});
