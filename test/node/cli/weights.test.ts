import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import type { CliResult } from "../../support/cli-process.ts";
import { newFolder, snapshot } from "../../support/folders.ts";

const script = path.resolve(import.meta.dirname, "../../../scripts/golden-weights.mjs");
const kindsOf = ({ stderr }: CliResult) => [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);

let state: Uint8Array;
let classifier: Uint8Array;
beforeAll(() => {
  const made = fs.mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
  const bytesOf = (golden: string) => {
    execFileSync(process.execPath, [script, golden, made]);
    return new Uint8Array(fs.readFileSync(path.join(made, "weights.safetensors")));
  };
  [state, classifier] = [bytesOf("fcmae/micro-128-b2"), bytesOf("dense/micro-64x64-b2")];
  fs.rmSync(made, { recursive: true });
});

function project({ withState = false } = {}): string {
  const folder = newFolder();
  if (withState) fs.writeFileSync(path.join(folder, "state.safetensors"), state);
  fs.writeFileSync(path.join(folder, "classifier.safetensors"), classifier);
  return folder;
}

const convert = (folder: string, ...words: readonly string[]) =>
  cnxc(["weights", "convert", ...words], { cwd: folder });
/** The same file with the metadata that every file says that is written. */
function stating(bytes: Uint8Array): Buffer {
  const file = Buffer.from(bytes);
  const end = 8 + file.readUInt32LE(0);
  const { __metadata__, ...tensors } = JSON.parse(file.subarray(8, end).toString());
  const json = JSON.stringify({ __metadata__: { format: "pt", ...__metadata__ }, ...tensors });
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, file.subarray(end)]);
}
const read = (folder: string, file: string) => new Uint8Array(fs.readFileSync(path.join(folder, file)));

describe("weights convert", () => {
  test("a training state to the dense names and back: the same file, byte for byte", async () => {
    const folder = project({ withState: true });
    const there = await convert(folder, "state.safetensors", "--to", "official", "-o", "dense.safetensors");
    expect([there.code, there.stderr]).toEqual([0, ""]);
    expect(there.stdout).toBe("dense.safetensors: 81 tensors, from fcmae to official\n");
    expect((await convert(folder, "dense.safetensors", "--to", "fcmae", "-o", "again.safetensors")).code).toBe(0);
    expect(Buffer.from(read(folder, "again.safetensors")).equals(stating(state))).toBe(true);
  });

  test("a classifier through every dense naming", async () => {
    const folder = project();
    expect((await convert(folder, "classifier.safetensors", "--to", "timm", "-o", "t.safetensors")).code).toBe(0);
    expect((await convert(folder, "t.safetensors", "--to", "huggingface", "-o", "h.safetensors")).code).toBe(0);
    expect((await convert(folder, "h.safetensors", "--to", "official", "-o", "w.safetensors")).code).toBe(0);
    expect(Buffer.from(read(folder, "w.safetensors")).equals(stating(classifier))).toBe(true);
  });

  test.each(["classifier.safetensors", "./classifier.safetensors", "link.safetensors"])(
    "the result is not written over what it is made of, as %s",
    async output => {
      const folder = project();
      fs.symlinkSync("classifier.safetensors", path.join(folder, "link.safetensors"));
      const before = snapshot(folder);
      const refused = await convert(folder, "classifier.safetensors", "--to", "timm", "-o", output);
      expect([refused.code, kindsOf(refused)]).toEqual([6, ["E_IO_UNSAFE"]]);
      expect(refused.stderr).toContain("would take the place of");
      expect(snapshot(folder)).toEqual(before);
    },
  );

  test("what has no place is listed, and nothing is written before it is allowed", async () => {
    const folder = project({ withState: true });
    const before = snapshot(folder);
    const words = ["state.safetensors", "--to", "timm", "-o", "timm.safetensors"];
    const refused = await convert(folder, ...words);
    expect([refused.code, kindsOf(refused), refused.stdout]).toEqual([4, ["E_W_EXTRA"], ""]);
    for (const name of ["mask_token", "proj.weight", "decoder.0.dwconv.weight", "pred.bias", "--allow-unused"])
      expect(refused.stderr).toContain(name);
    expect(snapshot(folder)).toEqual(before);
    const allowed = await convert(folder, ...words, "--allow-unused");
    expect([allowed.code, kindsOf(allowed)]).toEqual([0, []]);
    expect(allowed.stderr).toContain("warning[W_W/weights-left-out]");
  });

  test("--json: exactly one object", async () => {
    const folder = project({ withState: true });
    const { code, stdout, stderr } = await convert(
      folder,
      "state.safetensors",
      "--to",
      "official",
      "-o",
      "o",
      "--json",
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      ok: true,
      diagnostics: [],
      outputs: [{ path: "o", status: "written" }],
      result: { from: "fcmae", to: "official", tensors: 81 },
    });
  });

  test.each<[title: string, words: readonly string[], code: number, kind: string]>([
    ["a file that is not there", ["gone.safetensors", "--to", "timm", "-o", "o"], 6, "E_IO_NOTFOUND"],
    ["a folder for a file", [".", "--to", "timm", "-o", "o"], 6, "E_IO_NOTFILE"],
    [
      "an output whose folder is not there",
      ["classifier.safetensors", "--to", "timm", "-o", "a/b"],
      6,
      "E_IO_NOTFOUND",
    ],
    ["an output that is a folder", ["classifier.safetensors", "--to", "timm", "-o", "."], 6, "E_IO_NOTFILE"],
    ["a naming nobody knows", ["classifier.safetensors", "--to", "keras", "-o", "o"], 2, "E_USAGE"],
    ["an element type nobody knows", ["classifier.safetensors", "--dtype", "f8", "-o", "o"], 2, "E_USAGE"],
    ["no channels", ["classifier.safetensors", "--in-chans", "0", "-o", "o"], 2, "E_USAGE"],
    ["half a class", ["classifier.safetensors", "--classes", "0.5", "-o", "o"], 2, "E_USAGE"],
    ["no output", ["classifier.safetensors", "--to", "timm"], 2, "E_USAGE"],
  ])("%s", async (_, words, code, kind) => {
    const folder = project();
    const before = snapshot(folder);
    const result = await convert(folder, ...words);
    expect([result.code, kindsOf(result), result.stdout]).toEqual([code, [kind], ""]);
    expect(snapshot(folder)).toEqual(before);
  });
});

/** A file of float32 tensors, whose values are all the one given, or those of the list. */
function write(
  file: string,
  tensors: Readonly<Record<string, readonly number[]>>,
  values: (i: number) => number,
): void {
  let at = 0;
  const header = Object.entries(tensors).map(([name, shape]) => {
    const size = 4 * shape.reduce((product, n) => product * n, 1);
    at += size;
    return [name, { dtype: "F32", shape, data_offsets: [at - size, at] }] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(json.length);
  fs.writeFileSync(
    file,
    Buffer.concat([length, json, Buffer.from(Float32Array.from({ length: at / 4 }, (_, i) => values(i)).buffer)]),
  );
}

describe("weights convert --dtype", () => {
  test("f16 and back: rounded once, and what that did to each tensor", async () => {
    const folder = project();
    const half = await convert(folder, "classifier.safetensors", "--dtype", "f16", "-o", "half", "--json");
    const { result, diagnostics } = JSON.parse(half.stdout);
    expect([half.code, diagnostics]).toEqual([0, []]);
    expect(result).toMatchObject({ from: "official", to: "official", tensors: 70 });
    expect(result.rounded).toHaveLength(70);
    for (const { relL2, overflowed } of result.rounded) {
      expect(relL2).toBeLessThan(2 ** -11);
      expect(overflowed).toBe(0);
    }
    expect((await convert(folder, "half", "--dtype", "f32", "--to", "timm", "-o", "f32")).code).toBe(0);
    expect((await convert(folder, "f32", "--dtype", "f16", "--to", "official", "-o", "again")).code).toBe(0);
    expect(read(folder, "again")).toEqual(read(folder, "half"));
    const diff = await cnxc(["weights", "diff", "half", "f32", "--json"], { cwd: folder });
    expect([diff.code, JSON.parse(diff.stdout).result.equal.length]).toEqual([0, 70]);
  });

  test("W14: a value beyond f16 leaves nothing behind, unless it may saturate", async () => {
    const folder = project();
    write(path.join(folder, "big"), { "norm.bias": [4], "norm.weight": [4] }, i => (i === 6 ? 70_000 : 1));
    const before = snapshot(folder);
    const words = ["big", "--dtype", "f16", "-o", "half"];
    const refused = await convert(folder, ...words);
    expect([refused.code, kindsOf(refused), refused.stdout]).toEqual([4, ["E_W_RANGE"], ""]);
    expect(refused.stderr).toContain("tensor 'norm.weight' has 70000 at index 2, beyond the largest F16, 65504");
    expect(snapshot(folder)).toEqual(before);
    const saturated = await convert(folder, ...words, "--saturate");
    expect([saturated.code, saturated.stderr]).toEqual([0, expect.stringContaining("weights-saturated")]);
    expect((await convert(folder, "big", "--dtype", "bf16", "-o", "half")).code).toBe(0);
  });

  test("W16: a tensor that f16 makes zero", async () => {
    const folder = project();
    write(path.join(folder, "tiny"), { "norm.bias": [4], "norm.weight": [4] }, i => (i < 4 ? 1e-9 : 1));
    const { code, stderr } = await convert(folder, "tiny", "--dtype", "f16", "-o", "half");
    expect([code, stderr]).toEqual([0, expect.stringContaining("tensor 'norm.bias': 4 of 4 values become 0 in F16")]);
  });
});

test("--in-chans and --classes say what was made", async () => {
  const words = ["classifier.safetensors", "--in-chans", "1", "--classes", "3", "-o", "o"];
  expect((await convert(project(), ...words)).stdout).toBe(`o: 70 tensors, from official to official
  downsample_layers.0.0.weight [8, 1, 4, 4]: summed over 3 channels
  head.weight [3, 40], head.bias [3]: new, zeros
`);
});

describe("W06: a prefix", () => {
  test("is told, and left out on request", async () => {
    const folder = project();
    write(path.join(folder, "wrapped"), { "module.norm.bias": [4], "module.norm.weight": [4] }, i => i);
    const refused = await convert(folder, "wrapped", "--to", "timm", "-o", "o");
    expect([refused.code, kindsOf(refused)]).toEqual([4, ["E_W_MISSING"]]);
    expect(refused.stderr).toContain("--strip-prefix module.");
    expect((await convert(folder, "wrapped", "--strip-prefix", "module.", "-o", "o")).code).toBe(0);
    expect((await cnxc(["weights", "inspect", "wrapped", "--strip-prefix", "module."], { cwd: folder })).code).toBe(0);
  });
});

describe("weights diff", () => {
  const diff = (folder: string, ...words: readonly string[]) => cnxc(["weights", "diff", ...words], { cwd: folder });

  test("equal, whatever the namings", async () => {
    const folder = project();
    await convert(folder, "classifier.safetensors", "--to", "mmpretrain", "-o", "mm");
    const { code, stdout, stderr } = await diff(folder, "classifier.safetensors", "mm");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe("classifier.safetensors (official) and mm (mmpretrain): 70 tensors equal, 0 of other values\n");
  });

  test("different: 1, unless within the tolerance", async () => {
    const folder = project();
    await convert(folder, "classifier.safetensors", "--dtype", "bf16", "-o", "half");
    const { code, stdout, stderr } = await diff(folder, "classifier.safetensors", "half");
    expect([code, kindsOf({ stderr } as CliResult)]).toEqual([1, ["E_CHECK"]]);
    expect(stderr).toMatch(/the files differ: \d+ tensors of other values/);
    expect(stdout).toMatch(/max abs \d\.\d\de-\d +rel l2 \d\.\d\de-\d/);
    expect((await diff(folder, "classifier.safetensors", "half", "--tolerance", "0.1")).code).toBe(0);
    expect((await diff(folder, "classifier.safetensors", "half", "--tolerance", "x")).code).toBe(2);
  });

  test("another head", async () => {
    const folder = project();
    await convert(folder, "classifier.safetensors", "--classes", "3", "-o", "three");
    const { code, stdout, stderr } = await diff(folder, "classifier.safetensors", "three");
    expect(code).toBe(1);
    expect(stderr).toContain("the files differ: 2 tensors of another shape");
    expect(stdout).toContain("of another shape: head.bias [10] and [3], head.weight [10, 40] and [3, 40]");
    expect((await diff(folder, "classifier.safetensors", "gone")).code).toBe(6);
  });
});

test("a training state runs as the backbone that it holds, converted or not", async () => {
  const folder = project({ withState: true });
  const fields = "depths [1, 1, 2, 1]  dims [8, 16, 24, 40]  input 64x64x3  head features { levels [4]  norm false }";
  fs.writeFileSync(path.join(folder, "m.cnx"), `model micro { ${fields} }\n`);
  const header = '{"pixel_values":{"dtype":"F32","shape":[1,3,64,64],"data_offsets":[0,49152]}}';
  const pixels = Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  fs.writeFileSync(path.join(folder, "in"), Buffer.concat([length, Buffer.from(header), Buffer.from(pixels.buffer)]));
  const run = (weights: string, out: string) =>
    cnxc(["run", "m.cnx", "--on", "reference", "-w", weights, "-i", "in", "--out", out], { cwd: folder });
  const there = await convert(folder, "state.safetensors", "--to", "timm", "--allow-unused", "-o", "timm.safetensors");
  expect(there.code).toBe(0);
  expect([(await run("state.safetensors", "a")).code, (await run("timm.safetensors", "b")).code]).toEqual([0, 0]);
  expect(read(folder, "a")).toEqual(read(folder, "b"));
});

describe("weights inspect", () => {
  test("for a person", async () => {
    const { code, stdout, stderr } = await cnxc(["weights", "inspect", "state.safetensors"], {
      cwd: project({ withState: true }),
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`state.safetensors: FCMAE training state, fcmae naming
  stages       depths [1, 1, 2, 1], dims [8, 16, 24, 40]
  stem         patch 4, 3 channels
  kernels      7
  mlp ratio    4
  decoder      depth 1, dim 512, patches of 32
  parameters   3,766,200
  tensors      81 F32
  bytes        15,064,800
  sha256       ${createHash("sha256").update(state).digest("hex")}
  metadata     golden "micro-128-b2"
`);
  });

  test("for a program", async () => {
    const { stdout } = await cnxc(["weights", "inspect", "classifier.safetensors", "--json"], { cwd: project() });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      outputs: [],
      result: { dialect: "official", kind: "classifier", classes: 10, tensors: { F32: 70 }, parameters: 38818 },
    });
  });

  test("no command, and one that is not known", async () => {
    const alone = await cnxc(["weights"]);
    expect([alone.code, kindsOf(alone), alone.stdout]).toEqual([2, ["E_USAGE"], ""]);
    expect(alone.stderr).toContain("a command is missing");
    expect((await cnxc(["weights", "conver"])).stderr).toContain("unknown command 'conver', did you mean 'convert'?");
  });
});

test("the file that weights come from and its licence, through convert and compile", async () => {
  const folder = project();
  const at = (name: string) => path.join(folder, name);
  /** The metadata of a tensor file. */
  const metadata = (name: string) => {
    const bytes = fs.readFileSync(at(name));
    return JSON.parse(bytes.subarray(8, 8 + bytes.readUInt32LE(0)).toString()).__metadata__;
  };
  const bytes = fs.readFileSync(at("classifier.safetensors"));
  const end = 8 + bytes.readUInt32LE(0);
  const header = Buffer.from(
    JSON.stringify({
      ...JSON.parse(bytes.subarray(8, end).toString()),
      __metadata__: { license: "cc-by-nc-4.0", a: "b" },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  fs.writeFileSync(at("licensed"), Buffer.concat([length, header, bytes.subarray(end)]));

  expect((await convert(folder, "licensed", "--to", "timm", "--dtype", "f16", "-o", "timm")).code).toBe(0);
  expect(metadata("timm")).toEqual({ license: "cc-by-nc-4.0", a: "b", format: "pt" });

  const spec =
    "model micro {\n  depths [1, 1, 2, 1]\n  dims [8, 16, 24, 40]\n  input 64x64x3\n  head classifier { classes 10 }\n}\n";
  fs.writeFileSync(at("m.cnx"), spec);
  const compile = (weights: string, ...more: readonly string[]) =>
    cnxc(["compile", "m.cnx", "-t", "wgsl,onnx", "-w", weights, "-o", "out", ...more], { cwd: folder });
  const stated = () => JSON.parse(fs.readFileSync(at("out/cnxc.manifest.json"), "utf8")).specs[0].options.weights;
  expect((await compile("timm")).code).toBe(0);
  const sha256 = createHash("sha256")
    .update(fs.readFileSync(at("timm")))
    .digest("hex");
  expect(stated()).toEqual({ file: "timm", sha256, license: "cc-by-nc-4.0" });
  expect(metadata("out/micro/weights.safetensors")).toMatchObject({ license: "cc-by-nc-4.0" });
  const graph = fs.readFileSync(at("out/micro/onnx/model.onnx"), "latin1");
  expect(graph).toContain("cnxc.weights_license");
  expect((await compile("timm", "--check")).code).toBe(0);

  expect((await compile("classifier.safetensors")).code).toBe(0);
  expect(Object.keys(stated())).toEqual(["file", "sha256"]);
  expect((await compile("random:1")).code).toBe(0);
  expect(stated()).toBe("random:1");
});
