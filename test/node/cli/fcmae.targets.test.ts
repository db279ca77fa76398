import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes, type Kind } from "../../../src/diagnostics/exit-codes.ts";
import { randomMask } from "../../../src/runtime/mask.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { type FcmaeGolden, losses, scopeOf } from "../../support/fcmae.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { expectTap, type Recorded } from "../../support/tolerance.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

// Masked autoencoders through the built command line.

const golden = readGolden<FcmaeGolden>("fcmae/micro-128-b2");
const [batch, patches, keep] = [2, 16, 6];
const spec = `
model micro {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  128x128x3
  head   fcmae
}
model batchwise extends micro { grn per_batch  head fcmae { norm_pix_loss false } }
model classes extends micro { input 64x64x3  head classifier { classes 10 } }
`;

const mask = Float32Array.from(golden.mask.flat());
const masks = (values: ArrayLike<number>, shape: readonly number[]) =>
  f32Tensor("mask", shape, () => Float32Array.from(values));

/** Spec, training state and inputs, in a new folder. */
async function project(): Promise<string> {
  const folder = newFolder();
  const weights = goldenWeights(golden);
  fill(folder, { "m.cnx": spec });
  await writeTensors(
    path.join(folder, "state.safetensors"),
    goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
  );
  await writeTensors(path.join(folder, "in.safetensors"), [image(), masks(mask, [batch, patches])]);
  return folder;
}

const image = () => {
  const { shape, values } = goldenInput(golden);
  return f32Tensor("pixel_values", shape, () => values);
};

const usual = ["-m", "micro", "-w", "state.safetensors", "-i", "in.safetensors", "--out", "out.safetensors"];
const run = (folder: string, ...words: readonly string[]) => cnxc(["run", "m.cnx", ...words], { cwd: folder });
const outputs = (folder: string) => readTensors(path.join(folder, "out.safetensors"));

const executors = {
  reference: ["--on", "reference"],
  onnx: ["--on", "onnx"],
  ...(hasSwiftShader ? { webgpu: ["--on", "webgpu", "--adapter", "swiftshader"] } : {}),
} as const;

describe("`cnxc run` gives PyTorch's numbers of a training state", () => {
  const taps = ["encoder.stages.0", "stages.2"];
  const cases = [
    ["reference", "micro", "auto"],
    ["reference", "batchwise", "masked"],
    ["onnx", "micro", "compact"],
    ["onnx", "batchwise", "masked"],
    ["webgpu", "micro", "auto"],
  ] as const;
  test.each(cases.filter(([on]) => on in executors))("on %s: %s, sites %s", async (on, name, sites) => {
    const folder = await project();
    const words = [...usual, "-m", name, ...(executors[on] ?? []), "--sites", sites, "--taps", taps.join(",")];
    const ran = await run(folder, ...words.slice(2));
    expect(ran).toMatchObject({ code: 0 });
    const recorded = scopeOf(golden, name === "micro" ? "per_sample" : "per_batch");
    const found = await outputs(folder);
    expect([...found.keys()].sort()).toEqual(["encoded", "loss", "pred", ...taps].sort());
    expectTap("pred", found.get("pred")?.data ?? [], recorded.pred as Recorded);
    expectTap("encoded", found.get("encoded")?.data ?? [], recorded.encoder as Recorded);
    expectTap("encoder.stages.0", found.get(taps[0] as string)?.data ?? [], recorded["encoder.stages.0"] as Recorded);
    expectTap("stages.2", found.get("stages.2")?.data ?? [], recorded["encoder.stages.2"] as Recorded);
    const loss = recorded.loss[losses[name === "micro" ? 0 : 1]];
    expect(Math.abs((found.get("loss")?.data[0] ?? 0) / loss - 1)).toBeLessThan(2e-6);
  });
});

test("--mask random:7 is the mask that randomMask(7) draws, whatever the file holds", async () => {
  const folder = await project();
  const drawn = randomMask(7, { batch, patches, keep });
  expect(drawn).not.toEqual(mask);
  const results: Uint8Array[] = [];
  const ran = async (...words: readonly string[]) => {
    expect(await run(folder, ...usual, "--on", "onnx", ...words)).toMatchObject({ code: 0 });
    results.push(fs.readFileSync(path.join(folder, "out.safetensors")));
  };
  await ran("--mask", "random:7");
  await writeTensors(path.join(folder, "in.safetensors"), [image(), masks(drawn, [batch, patches])]);
  await ran();
  await writeTensors(path.join(folder, "in.safetensors"), [image()]);
  await ran("--mask", "random:7");
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

describe("refused, with nothing written", () => {
  const changed = (at: number, value: number) => masks(mask.slice().fill(value, at, at + 1), [batch, patches]);
  const kept = mask.indexOf(0, patches);
  type Row = readonly [title: string, mask: ReturnType<typeof masks> | null, says: readonly string[]];
  const wrong: readonly Row[] = [
    ["no mask", null, ["input 'mask' is missing", "F32 [2, 16]", "--mask random:SEED draws one"]],
    ["a mask for another size", masks(mask.slice(0, 18), [2, 9]), ["F32 [2, 9]", "F32 [2, 16]"]],
    ["a mask of three axes", masks(mask, [2, 4, 4]), ["F32 [2, 4, 4]", "F32 [2, 16]"]],
    ["one mask for two images", masks(mask.slice(0, 16), [1, 16]), ["F32 [1, 16]", "F32 [2, 16]"]],
    [
      "a mask that removes one patch more",
      changed(kept, 1),
      ["input 'mask' is no mask of this model: image 1 keeps 5 of 16 patches, this model keeps 6"],
    ],
    ["a mask that keeps everything", masks(new Float32Array(32), [2, 16]), ["image 0 keeps 16 of 16"]],
    ["a half", changed(kept, 0.5), [`patch ${kept - patches} of image 1 is 0.5; 1 removes a patch, 0 keeps it`]],
    ["no number", changed(3, Number.NaN), ["patch 3 of image 0 is NaN"]],
  ];
  async function refuses(folder: string, words: readonly string[], kind: Kind, says: readonly string[]) {
    const before = snapshot(folder);
    const { code, stdout, stderr } = await run(folder, ...words);
    expect([code, stdout], stderr).toEqual([exitCodes[kind], ""]);
    expect(stderr).toContain(`error[${kind}/`);
    for (const part of says) expect(stderr).toContain(part);
    expect(snapshot(folder)).toEqual(before);
  }

  test.each(wrong)("%s", async (_, given, says) => {
    const folder = await project();
    const tensors = given === null ? [image()] : [image(), given];
    await writeTensors(path.join(folder, "in.safetensors"), tensors);
    await refuses(folder, [...usual, "--on", "reference"], "E_R_INPUT", says);
  });

  test("a mask in whole numbers", async () => {
    const folder = await project();
    const file = fs.readFileSync(path.join(folder, "in.safetensors"));
    const length = Number(file.readBigUInt64LE(0));
    const header = JSON.parse(file.subarray(8, 8 + length).toString());
    header.mask.dtype = "I32";
    const text = Buffer.from(JSON.stringify(header).padEnd(length));
    expect(text.length).toBe(length);
    text.copy(file, 8);
    fs.writeFileSync(path.join(folder, "in.safetensors"), file);
    await refuses(folder, [...usual, "--on", "reference"], "E_R_INPUT", ["I32 [2, 16]", "F32 [2, 16]"]);
  });

  test("a seed that is none, a mask for a model that has none", async () => {
    const folder = await project();
    const seeds = ["random:-1", "random:4294967296", "random:1.5", "random:", "7", "random:seven"];
    for (const seed of seeds) await refuses(folder, [...usual, "--mask", seed], "E_USAGE", ["random:SEED"]);
    const words = ["-m", "classes", ...usual.slice(2), "--on", "reference", "--mask", "random:7"];
    await refuses(folder, words, "E_USAGE", ["'classes' has no mask to draw"]);
  });

  test("weights of a classifier", async () => {
    const folder = await project();
    const classifier = readGolden("dense/micro-64x64-b2");
    const weights = goldenWeights(classifier);
    await writeTensors(
      path.join(folder, "state.safetensors"),
      goldenParams(classifier).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
    );
    const says = ["the file has no decoder", "'proj', 'mask_token', 'decoder', 'pred' are missing"];
    for (const on of ["reference", "onnx"]) await refuses(folder, [...usual, "--on", on], "E_W_MISSING", says);
  });
});

describe("specs that no masked autoencoder has", () => {
  test.each([
    ["a patch that is no multiple of the stride", "head fcmae { patch_size 48 }", "E_SPEC_SHAPE", "32 and 64"],
    ["a size that the patch does not divide", "head fcmae { patch_size 96 }", "E_SPEC_SHAPE", "96 and 192"],
    ["nothing kept", "head fcmae { mask_ratio 0.99 }", "E_SPEC_RANGE", "0 of 16 kept"],
    ["everything kept", "head fcmae { mask_ratio 1e-17 }", "E_SPEC_RANGE", "16 of 16 kept"],
    ["a decoder of no blocks", "head fcmae { decoder { depth 0 } }", "E_SPEC_RANGE", "nearest is 1"],
    ["a decoder of no channels", "head fcmae { decoder { dim 0 } }", "E_SPEC_RANGE", "nearest is 1"],
  ] as const)("%s", async (_, head, kind, says) => {
    const folder = newFolder();
    fill(folder, { "m.cnx": `${spec}model bad extends micro { ${head} }\n` });
    const before = snapshot(folder);
    const { code, stderr } = await cnxc(["compile", "m.cnx", "-m", "bad", "-o", "out"], { cwd: folder });
    expect(code, stderr).toBe(exitCodes[kind]);
    expect(stderr).toContain(`error[${kind}/`);
    expect(stderr).toMatch(/m\.cnx:10:/);
    expect(stderr).toContain(says);
    expect(snapshot(folder)).toEqual(before);
  });
});
