import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { writeNpz } from "../../../src/weights/formats/npz-writer.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import type { TensorData } from "../../../src/weights/tensor.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenSpecText } from "../../support/golden-spec.ts";
import { writeTensors } from "../../support/tensors.ts";

const golden = readGolden<{ readonly logits: { readonly values: readonly number[] } }>("dense/micro-64x64-b2");
const spec = goldenSpecText(golden, "mine");

async function writeArchive(file: string, tensors: readonly TensorData[]): Promise<void> {
  const parts: Uint8Array[] = [];
  for await (const part of writeNpz(tensors)) parts.push(part);
  writeFileSync(file, Buffer.concat(parts));
}

/** Weights, images and the logits that PyTorch recorded for them, as somebody has them; `change` may spoil a weight. */
async function project(change: (name: string, values: Float32Array) => void = () => {}): Promise<string> {
  const folder = newFolder();
  fill(folder, { "mine.cnx": spec });
  const weights = goldenWeights(golden);
  const tensors = goldenParams(golden).map(({ name, shape }) =>
    f32Tensor(name, shape, async () => {
      const values = (await weights.f32(name)).slice();
      change(name, values);
      return values;
    }),
  );
  await writeTensors(path.join(folder, "w.safetensors"), tensors);
  const { shape, values } = goldenInput(golden);
  await writeArchive(path.join(folder, "in.npz"), [f32Tensor("pixel_values", shape, () => values)]);
  const logits = Float32Array.from(golden.logits.values);
  await writeArchive(path.join(folder, "logits.npz"), [f32Tensor("logits", [2, 10], () => logits)]);
  return folder;
}

const given = ["-w", "w.safetensors", "-i", "in.npz"];
const verify = (cwd: string, words: readonly string[], spec = "mine.cnx") =>
  cnxc(["verify", spec, ...given, "--on", "onnx", ...words], { cwd });

/** The values of the right model, as `run` writes them: those that PyTorch recorded, within rounding. */
const record = (cwd: string, out: string, taps: readonly string[]) =>
  cnxc(["run", "mine.cnx", ...given, "--on", "reference", "--out", out, "--taps", taps.join()], { cwd });

const wrongSpecs = {
  activation: spec.replace("}", "}\n  activation gelu_tanh"),
  norm_eps: spec.replace("}", "}\n  norm_eps 1e-3"),
} as const;

describe("cnxc verify --expect", () => {
  test("finds PyTorch's logits, beside the comparison with the reference", async () => {
    const folder = await project();
    const { code, stdout, stderr } = await verify(folder, ["--expect", "logits.npz", "-o", "page.html"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^onnx f32 +right +\S+ +2\/2 +none +\S+ \S+ +1\.0e-5 +\S+$/m);
    expect(stdout).toMatch(
      /\n\nagainst logits\.npz:\n.*\nreference +right +1 +2\/2 +none +logits .*\nonnx f32 +right +1 +2\/2/,
    );
    expect(readFileSync(path.join(folder, "page.html"), "utf8")).toContain("Against logits.npz.");
  });

  test.each(["activation", "norm_eps"] as const)("a wrong %s shows in the logits, which are named", async field => {
    const folder = await project();
    fill(folder, { "wrong.cnx": wrongSpecs[field] });
    expect((await verify(folder, [], "wrong.cnx")).code).toBe(0); // the executors do as the spec says
    const { code, stdout, stderr } = await verify(folder, ["--expect", "logits.npz"], "wrong.cnx");
    expect(code).toBe(1);
    expect(stderr).toMatch(/the float64 reference leaves logits\.npz at 'logits': \d\.\de-\d off, more than 0\.00001/);
    expect(stderr).toContain("weights do not say activation, norm_eps");
    expect(stderr).toMatch(/onnx f32 leaves logits\.npz at 'logits'/);
    expect(stdout).toMatch(/^onnx f32 +right [\s\S]*\nreference +wrong +1 [\s\S]*\nonnx f32 +wrong +1 /m);
  });

  test.each([
    ["activation", "stages.0.0.act"],
    ["norm_eps", "downsample_layers.0.1"],
  ] as const)("of recorded modules a wrong %s is found at the first, %s", async (field, first) => {
    const folder = await project();
    fill(folder, { "wrong.cnx": wrongSpecs[field] });
    const modules = ["stages.0.0", "stages.0.0.act", "downsample_layers.0.0", "downsample_layers.0.1", "norm"];
    for (const file of ["out.npz", "out.safetensors"]) {
      expect((await record(folder, file, modules)).code).toBe(0);
      expect((await verify(folder, ["--expect", file, "--outputs-only"])).code).toBe(0);
      const { code, stderr } = await verify(folder, ["--expect", file, "--outputs-only"], "wrong.cnx");
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(`the float64 reference leaves ${file} at '${first}'`),
      ]);
    }
  });

  test("--json has each value with its error", async () => {
    const folder = await project();
    fill(folder, { "wrong.cnx": wrongSpecs.norm_eps });
    const { code, stdout } = await verify(folder, ["--expect", "logits.npz", "--json"], "wrong.cnx");
    const { recorded, verdicts } = JSON.parse(stdout).result;
    expect(recorded).toMatchObject({ file: "logits.npz", limit: 1e-5, reference: { first: { name: "logits" } } });
    expect(verdicts[0].recorded.values).toMatchObject([{ name: "logits", shape: [2, 10], answer: "wrong" }]);
    expect([verdicts[0].whole.first, verdicts[0].each.first, code]).toEqual([null, null, 1]);
  });

  test("a file that does not fit is refused before anything runs", async () => {
    const folder = await project();
    await writeArchive(path.join(folder, "other.npz"), [f32Tensor("logits", [1, 10], () => new Float32Array(10))]);
    const other = await verify(folder, ["--expect", "other.npz"]);
    expect([other.code, other.stdout]).toEqual([4, ""]);
    expect(other.stderr).toMatch(/recorded-misfit.*\[1, 10\], expected F32 or F64 \[2, 10\]/);
    expect((await verify(folder, ["--expect", "none.npz"])).code).toBe(6);
    const over = await verify(folder, ["--expect", "logits.npz", "-o", "logits.npz"]);
    expect([over.code, over.stderr]).toEqual([6, expect.stringContaining("result-over-input")]);
  });

  test.each([
    [["verify", "specs/micro.cnx", "--expect", "o.npz", "--on", "onnx"], "--expect needs --input and --weights"],
    [
      ["verify", "specs/micro.cnx", ...given, "--expect", "o.npz", "--gradients", "--on", "webgpu,onnx"],
      "leave --gradients out",
    ],
    [["verify", "--differential", "1", "--expect", "o.npz", "--on", "onnx"], "leave --expect out"],
  ])("%j is refused", async (words, why) => {
    const { code, stderr } = await cnxc(words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
  });
});

describe("NaN is no right answer", () => {
  const spoil = (name: string, values: Float32Array): void => {
    if (name === "stages.3.0.pwconv2.bias") values[0] = Number.NaN;
  };

  test("of a weight: said as such, in no top-1, and exit 1", async () => {
    const folder = await project(spoil);
    const { code, stdout, stderr } = await verify(folder, []);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^onnx f32 +NaN in both +NaN +0\/0 +stages\.3\.0\.pwconv2 NaN /m);
    expect(stderr).toContain(
      "onnx f32 and the float64 reference both have NaN in 'stages.3.0.pwconv2', which is no answer",
    );
    const json = JSON.parse((await verify(folder, ["--json"])).stdout);
    expect(json.result.verdicts[0].whole).toMatchObject({ first: { answer: "NaN in both" }, top1: { same: 0, of: 0 } });
    expect(json.ok).toBe(false);
  });

  test("nor of values that were recorded", async () => {
    const folder = await project(spoil);
    await writeArchive(path.join(folder, "nan.npz"), [
      f32Tensor("logits", [2, 10], () => new Float32Array(20).fill(Number.NaN)),
    ]);
    const { code, stdout } = await verify(folder, ["--expect", "nan.npz", "--outputs-only"]);
    expect([code, stdout.match(/^(reference|onnx f32) +NaN in both /gm)?.length]).toEqual([1, 3]);
  });
});
