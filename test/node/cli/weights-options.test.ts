import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes, type Kind } from "../../../src/diagnostics/exit-codes.ts";
import { f32Tensor, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { translate } from "../../../src/weights/names/names.ts";
import { elements, type Param } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { newFolder, snapshot } from "../../support/folders.ts";
import { goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { type Code, dict, global, int, pickle, tensor, torchZip } from "../../support/pickle-writer.ts";

// A checkpoint as people have it, through every command that takes weights.

const golden = readGolden("dense/micro-64x64-b2");
const params = goldenParams(golden);
const weights = goldenWeights(golden);
const state = readGolden("fcmae/micro-128-b2");

const spec = `model micro {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  64x64x3
  head   classifier { classes 10 }
}
`;

const kindsOf = ({ stderr }: CliResult) => [
  ...new Set([...stderr.matchAll(/^error\[(\w+)\//gm)].map(([, kind]) => kind)),
];

const timm = (name: string): string => translate(name, "official", "timm")?.name ?? name;
/** Every parameter under a name of its own, over a record of its own. */
const entries = (nameOf: (name: string) => string): readonly (readonly [string, Code])[] =>
  params.map(({ name, shape }, k) => [nameOf(name), tensor({ key: `${k}`, shape })]);
const records = Object.fromEntries(
  await Promise.all(
    params.map(async ({ name }, k) => {
      const { buffer, byteOffset, byteLength } = await weights.f32(name);
      return [`${k}`, new Uint8Array(buffer, byteOffset, byteLength)] as const;
    }),
  ),
);
const checkpoint = (...saved: readonly (readonly [string, Code])[]): Uint8Array =>
  torchZip(pickle(dict(...saved)), records);
const buffer: readonly (readonly [string, Code])[] = [["criterion.pos_weight", tensor({ key: "1", shape: [8] })]];

async function safetensors(of: readonly Param[], values: (param: Param) => Float32Array | Promise<Float32Array>) {
  const tensors = of.map(param => f32Tensor(param.name, param.shape, () => values(param)));
  const pieces: Uint8Array[] = [];
  for await (const piece of writeSafetensors(tensors)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const files: Readonly<Record<string, Uint8Array>> = {
  "plain.safetensors": await safetensors(params, ({ name }) => weights.f32(name)),
  "last.ckpt": checkpoint(
    ["epoch", int(3)],
    ["state_dict", dict(...entries(name => `model.${timm(name)}`), ...buffer)],
    ["best", global("numpy.core.multiarray", "scalar")],
  ),
  "average.pth": checkpoint(
    ["model", dict(...entries(name => name).slice(0, 40))],
    ["params_ema", dict(...entries(name => name))],
  ),
  "detector.pth": checkpoint([
    "state_dict",
    dict(...entries(name => (/^head\./.test(name) ? `cls_${name}` : `backbone.${name}`)), ...buffer),
  ]),
  "extra.pth": checkpoint(["model", dict(...entries(name => name), ...buffer)]),
  "pretrained.safetensors": await safetensors(goldenParams(state), ({ shape }) =>
    new Float32Array(elements(shape)).fill(0.5),
  ),
  "in.safetensors": await safetensors([{ name: "pixel_values", shape: [1, 3, 64, 64] }], ({ shape }) =>
    Float32Array.from({ length: elements(shape) }, (_, i) => Math.sin(i)),
  ),
};

function project(): string {
  const folder = newFolder();
  fs.writeFileSync(path.join(folder, "my.cnx"), spec);
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), bytes);
  return folder;
}

/** What each takes to find the weights, and what is then said of it. */
const found: readonly (readonly [file: string, options: readonly string[], says: string])[] = [
  ["last.ckpt", ["--strip-prefix", "model."], "'criterion.pos_weight' beside the weights below 'model.' is not read"],
  ["average.pth", ["--key", "params_ema"], "'model' beside the weights under 'params_ema' is not read"],
  ["detector.pth", ["--strip-prefix", "backbone.", "--rename", "cls_head=head"], "'criterion.pos_weight' beside"],
  ["extra.pth", ["--allow-extra"], "'criterion.pos_weight'"],
];

const run = ["run", "my.cnx", "--on", "reference", "-i", "in.safetensors", "--out", "out.safetensors", "-w"];
const commands: readonly (readonly [string, readonly string[]])[] = [
  ["run", run],
  ["compile", ["compile", "my.cnx", "-t", "onnx", "-o", "out", "-w"]],
  ["verify", ["verify", "my.cnx", "--on", "onnx", "--outputs-only", "-w"]],
  ["weights convert", ["weights", "convert", "-o", "converted.safetensors"]],
  ["weights inspect", ["weights", "inspect"]],
  ["weights diff", ["weights", "diff", "plain.safetensors"]],
  ["import", ["import"]],
];
/** Those that need a picture, a GPU or a while are asked for no more than their options. */
const others = [["classify"], ["reconstruct"], ["train"], ["tune"]];

describe.each(commands)("%s", (name, words) => {
  test.each(found.filter(([file]) => name !== "weights inspect" || file !== "extra.pth"))(
    "%s",
    async (file, options, says) => {
      const { code, stdout, stderr } = await cnxc([...words, file, ...options], { cwd: project() });
      expect(code, stderr + stdout).toBe(0);
      expect(stderr).toContain(says);
    },
  );

  test.each(["--key", "--strip-prefix", "--rename", "--allow-extra"])("has %s", async option => {
    expect((await cnxc([...words.slice(0, words[0] === "weights" ? 2 : 1), "--help"])).stdout).toContain(`  ${option}`);
  });
});

test.each(others)("%s has them too", async command => {
  const { stdout } = await cnxc([command, "--help"]);
  for (const option of ["--key", "--strip-prefix", "--rename", "--allow-extra"])
    expect(stdout).toContain(`  ${option}`);
});

test.each(found)("%s gives what the plain file gives", async (file, options) => {
  const folder = project();
  const out = () => fs.readFileSync(path.join(folder, "out.safetensors"));
  expect((await cnxc([...run, "plain.safetensors"], { cwd: folder })).code).toBe(0);
  const plain = out();
  expect((await cnxc([...run, file, ...options], { cwd: folder })).code).toBe(0);
  expect(out().equals(plain)).toBe(true);
});

interface Row {
  readonly title: string;
  readonly words: readonly string[];
  readonly kind: Kind;
  readonly says: readonly string[];
}

const row = (title: string, words: readonly string[], kind: Kind, ...says: readonly string[]): Row => ({
  title,
  words,
  kind,
  says,
});

const refused: readonly Row[] = [
  row(
    "W06: a wrapper, with a loss beside",
    [...run, "last.ckpt"],
    "E_W_MISSING",
    "70 of 71 tensor names",
    "--strip-prefix model.",
  ),
  row(
    "W06: a prefix that is not there",
    [...run, "last.ckpt", "--strip-prefix", "modle."],
    "E_W_MISSING",
    "did you mean 'model.'?",
  ),
  row("W02: a tensor too many", [...run, "extra.pth"], "E_W_EXTRA", "--allow-extra leaves"),
  row(
    "P46: a key that is not there",
    [...run, "average.pth", "--key", "param_ema"],
    "E_W_MISSING",
    "did you mean 'params_ema'?",
  ),
  row(
    "P46: a key of a file without keys",
    [...run, "plain.safetensors", "--key", "model"],
    "E_W_MISSING",
    "leave --key out",
  ),
  row(
    "W06: a rule that fits no name",
    [...run, "plain.safetensors", "--rename", "heat.=head."],
    "E_W_MISSING",
    "'heat.' of --rename",
  ),
  row(
    "W06: a rule that makes one name of two",
    [...run, "plain.safetensors", "--rename", "head.weight=head.bias"],
    "E_W_DUPKEY",
    "would both be named 'head.bias'",
  ),
  row(
    "C02: a rule without a right side",
    [...run, "plain.safetensors", "--rename", "head"],
    "E_USAGE",
    "it is FROM=TO",
  ),
  row(
    "C02: a rule with fewer * on the right",
    [...run, "plain.safetensors", "--rename", "a.*=b"],
    "E_USAGE",
    "as many * on the right",
  ),
  row("C02: two keys", [...run, "average.pth", "--key", "a", "--key", "b"], "E_USAGE", "given twice"),
  row(
    "C22: a key of weights that are drawn",
    [...run, "random:1", "--key", "model"],
    "E_USAGE",
    "--key says what to take of a file",
  ),
  row(
    "C22: a prefix and no weights",
    ["compile", "my.cnx", "-o", "out", "--strip-prefix", "m."],
    "E_USAGE",
    "--strip-prefix says",
    "--weights",
  ),
  row(
    "C22: a rule for generated specs",
    ["verify", "--differential", "1", "--on", "onnx", "--rename", "a=b"],
    "E_USAGE",
    "--rename says",
  ),
  row(
    "W06: a head of another name",
    [...run, "detector.pth", "--strip-prefix", "backbone."],
    "E_W_MISSING",
    "the model's 'head.weight' [10, 40] is not in the file",
    "'cls_head.weight'",
    "--rename FROM=TO",
  ),
];

test.each(refused)("$title", async ({ words, kind, says }) => {
  const folder = project();
  const before = snapshot(folder);
  const result = await cnxc(words, { cwd: folder });
  expect([result.code, kindsOf(result)], result.stderr).toEqual([exitCodes[kind], [kind]]);
  for (const part of says) expect(result.stderr).toContain(part);
  expect(snapshot(folder)).toEqual(before);
});

describe("a head of zeros", () => {
  test("is told when it is made of a state of pre-training, and when it is used", async () => {
    const folder = project();
    const start = await cnxc(["weights", "convert", "pretrained.safetensors", "--classes", "10", "-o", "start"], {
      cwd: folder,
    });
    expect([start.code, start.stderr]).toEqual([0, expect.stringContaining("weights-head-zero")]);
    expect(start.stdout).toContain("from fcmae to official");
    const used = await cnxc([...run, "start"], { cwd: folder });
    expect([used.code, used.stderr]).toEqual([0, expect.stringContaining("the head is all zeros")]);
    const plain = await cnxc([...run, "plain.safetensors"], { cwd: folder });
    expect(plain.stderr).not.toContain("weights-head-zero");
  });
});

test("what convert writes says that it is PyTorch's, and keeps what the file said", async () => {
  const folder = project();
  for (const [file, options] of found.slice(0, 3)) {
    expect(
      (await cnxc(["weights", "convert", file, ...options, "--to", "huggingface", "-o", "o"], { cwd: folder })).code,
    ).toBe(0);
    const bytes = fs.readFileSync(path.join(folder, "o"));
    expect(JSON.parse(bytes.subarray(8, 8 + bytes.readUInt32LE(0)).toString()).__metadata__).toEqual({ format: "pt" });
  }
});

test("the manifest says which tensors were taken, and --check holds it to that", async () => {
  const folder = project();
  const compile = (...words: readonly string[]) =>
    cnxc(["compile", "my.cnx", "-t", "onnx", "-o", "out", "-w", "average.pth", ...words], { cwd: folder });
  expect((await compile("--key", "params_ema")).code).toBe(0);
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, "out/cnxc.manifest.json"), "utf8"));
  expect(manifest.specs[0].options).toMatchObject({ key: "params_ema", weights: { file: "average.pth" } });
  expect((await compile("--key", "params_ema", "--check")).code).toBe(0);
  expect((await compile("--check")).code).toBe(1);
});

test("a spec is written for wrapped weights, with the option that their values will need", async () => {
  const { code, stdout, stderr } = await cnxc(["import", "last.ckpt"], { cwd: project() });
  expect([code, stdout]).toEqual([0, expect.stringContaining("depths [1, 1, 2, 1]")]);
  expect(stderr).toContain("the weights are below 'model.'");
  expect(stderr).toContain("--strip-prefix model.");
});

describe("docs/weights.md", () => {
  const text = fs.readFileSync("docs/weights.md", "utf8");
  const section = text.slice(text.indexOf("## Weights as people have them"));
  const lines = [...(/```sh\n(.*?)```/s.exec(section)?.[1]?.matchAll(/^cnxc .*$/gm) ?? [])].map(([line]) => line);

  test("its examples do what they say", async () => {
    const folder = project();
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "").slice(1);
      const { code, stderr } = await cnxc(words, { cwd: folder });
      expect(code, `${line}\n${stderr}`).toBe(0);
    }
  });
});
