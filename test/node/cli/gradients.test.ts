import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { checkDense, checkFcmae } from "./gradients.ts";

const reference = ["--on", "reference"];

describe("cnxc run --gradients, on the reference", () => {
  test("gives PyTorch's gradients of a classifier", () => checkDense("micro-64x64-b2", reference));
  test("gives PyTorch's gradients of a masked autoencoder, as its file has the parameters", () =>
    checkFcmae("micro-128-b2-sample-norm_pix_loss", reference));
});

const drawn = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i + 1));

/** `cnxc run` on two images, with what else is given. */
async function run(spec: string, besides: Parameters<typeof writeTensors>[1], words: readonly string[]) {
  const folder = newFolder();
  fill(folder, { "model.cnx": spec });
  const at = (name: string): string => path.join(folder, name);
  await writeTensors(at("in.safetensors"), [f32Tensor("pixel_values", [2, 3, 16, 16], () => drawn(1536)), ...besides]);
  const files = ["-w", "random:1", "-i", at("in.safetensors"), "--out", at("out.safetensors")];
  const cli = await cnxc(["run", at("model.cnx"), ...files, ...(words.includes("--on") ? [] : reference), ...words]);
  return { ...cli, outputs: cli.code === 0 ? await readTensors(at("out.safetensors")) : new Map<string, never>() };
}

const body = "depths [1, 1]\n  dims [4, 8]\n  input 16x16x3";
const classifier = `model m {\n  ${body}\n  head classifier { classes 5 }\n}\n`;
const features = `model m {\n  ${body}\n  head features { levels [1, 2] }\n}\n`;
const targets = f32Tensor("targets", [2, 5], () => Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1, 0, 0));

describe("which gradients", () => {
  test("are chosen by patterns of names", async () => {
    const { outputs } = await run(classifier, [targets], ["--gradients", "head.*", "stages.1.0.grn.*", "pixel_values"]);
    const names = ["head.weight", "head.bias", "stages.1.0.grn.gamma", "stages.1.0.grn.beta", "pixel_values"];
    expect([...outputs.keys()].sort()).toEqual(["loss", ...names.map(name => `grad.${name}`)].sort());
  });

  test("a name that no parameter has is told with the nearest", async () => {
    const { code, stderr } = await run(classifier, [targets], ["--gradients", "head.wieght"]);
    expect(code).toBe(2);
    expect(stderr).toContain("no parameter or input of the model is called 'head.wieght', did you mean 'head.weight'?");
  });

  test("are not there on an executor that has none", async () => {
    const { code, stderr } = await run(classifier, [targets], ["--gradients", "--on", "onnx"]);
    expect(code).toBe(2);
    expect(stderr).toContain("onnx computes no gradients; choose --on reference or webgpu or cuda-cpu or cuda");
  });
});

test.each([
  ["run", ["--taps", "stages.0"], "--gradients writes no modules; leave --taps out"],
  ["verify", ["--differential", "2", "--on", "webgpu"], "--differential compares outputs; leave --gradients out"],
])("%s --gradients says what does not go with it", async (command, words, sentence) => {
  const tensors = command === "run" ? ["specs/micro.cnx", ...reference, "-w", "random:1", "-i", "x", "--out", "y"] : [];
  const { code, stderr } = await cnxc([command, ...tensors, ...words, "--gradients"]);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});

describe("what gradients take besides", () => {
  test("targets of a classifier are asked for", async () => {
    const { code, stderr } = await run(classifier, [], ["--gradients"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("input 'targets' is missing, the file holds pixel_values, expected F32 [2, 5]");
  });

  test("factors of stochastic depth are [blocks, N]: a block that is dropped learns nothing", async () => {
    const keep = f32Tensor("keep", [2, 2], () => Float32Array.of(2, 2, 0, 0));
    const { outputs } = await run(classifier, [targets, keep], ["--gradients", "stages.*.pwconv2.weight"]);
    const isZero = (name: string): boolean => outputs.get(name)?.data.every((v: number) => v === 0) ?? false;
    expect(isZero("grad.stages.0.0.pwconv2.weight")).toBe(false);
    expect(isZero("grad.stages.1.0.pwconv2.weight")).toBe(true);
  });

  test("a backbone takes the gradients of its maps, and is linear in them", async () => {
    const maps = (by: number) =>
      [[2, 4, 4, 4] as const, [2, 8, 2, 2] as const].map((shape, i) =>
        f32Tensor(`grad.stage${i + 1}`, shape, () => drawn(shape.reduce((a, b) => a * b, 1)).map(v => by * v)),
      );
    const [once, twice] = await Promise.all([1, 2].map(by => run(features, maps(by), ["--gradients"])));
    const name = "grad.downsample_layers.0.0.weight";
    const found = once?.outputs.get(name)?.data as Float32Array;
    expect(found.some(v => v !== 0)).toBe(true);
    twice?.outputs.get(name)?.data.forEach((v: number, i: number) => {
      expect(v).toBeCloseTo(2 * (found[i] as number), 4);
    });
  });
});
