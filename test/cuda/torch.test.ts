import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { lower } from "../../src/compile.ts";
import { cudaTarget } from "../../src/emit/cuda/cuda.ts";
import type { Model } from "../../src/model/model.ts";
import type { Weights } from "../../src/weights/tensor.ts";
import { hasCmake, hasGxx, torchPython } from "../support/cuda-tools.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, scopeOf } from "../support/fcmae.ts";
import { fill, newFolder } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../support/golden.ts";
import { goldenModel } from "../support/models.ts";
import { expectLogits } from "../support/tolerance.ts";

const script = path.join(import.meta.dirname, "torch_check.py");

interface Found {
  readonly shapes: readonly (readonly number[])[];
  readonly first: readonly number[];
  readonly fake: readonly (readonly number[])[];
  readonly packed: boolean;
  readonly wider: boolean;
  readonly strided: boolean;
  readonly errors: readonly string[];
}

function run(folder: string, command: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: "utf8" });
  expect(status, `${command} ${words.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
}

/** Sources, weights and inputs of a golden file, for a model named `name`. */
async function prepare(
  model: Model,
  golden: Golden,
  weights: Weights = goldenWeights(golden),
  mask: readonly number[] = [],
): Promise<string> {
  const context = {
    ...{ weights: null, specHash: "", specName: "", version: "0.1.0" },
    onnx: { opset: 20, layout: "plain" },
  } as const;
  const target = cudaTarget("f32", { torch: true });
  const unit = lower({ model, target, batch: { min: 1, max: 4 }, taps: [], context });
  if (!unit.ok) throw new Error(unit.diagnostics[0]?.message);
  const folder = newFolder();
  fill(folder, Object.fromEntries(unit.value.files.map(one => [one.path.replace("cuda/", ""), String(one.contents)])));
  const params = (unit.value.plan?.params ?? []).map(({ name, shape }) => [name, shape] as const);
  const image = goldenInput(golden);
  const [batch = 0] = image.shape;
  const values = await Promise.all(params.map(([name]) => weights.f32(name)));
  const bytes = (parts: readonly Float32Array[]) =>
    Buffer.concat(parts.map(part => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
  writeFileSync(path.join(folder, "weights.bin"), bytes(values));
  writeFileSync(path.join(folder, "inputs.bin"), bytes([image.values, Float32Array.from(mask)]));
  const inputs = [["pixel_values", image.shape], ...(mask.length > 0 ? [["mask", [batch, mask.length / batch]]] : [])];
  fill(folder, {
    "case.json": JSON.stringify({ params, inputs }),
  });
  return folder;
}

/** Kernels as one unit, then the operators: CMake takes a minute for what this takes ten seconds. */
function buildByHand(folder: string, name: string): void {
  const kernels = run(folder, "sh", ["-c", "ls *.cu"]).split("\n");
  const unit = kernels.filter(file => file !== "" && file !== "run.cu").map(file => `#include "${file}"\n`);
  fill(folder, { "all.cpp": unit.join("") });
  run(folder, "g++", ["-std=c++20", "-O1", "-fPIC", "-fno-strict-aliasing", "-c", "all.cpp"]);
  run(folder, "g++", ["-std=c++17", "-O1", "-fPIC", "-Wall", "-Werror=return-type", "-c", "torch/binding.cpp"]);
  const libraries = ["-ltorch", "-ltorch_cpu", "-lc10", "-lpthread"];
  run(folder, "g++", ["-shared", "all.o", "binding.o", "-o", `torch/lib${name}_torch.so`, ...libraries]);
}

function buildByCmake(folder: string, name: string, python: string): void {
  const prefix = run(folder, python, ["-c", "import torch; print(torch.utils.cmake_prefix_path)"]).trim();
  const options = ["-DCNXC_CPU=ON", "-DCNXC_TORCH=ON", `-DCMAKE_PREFIX_PATH=${prefix}`];
  run(folder, "cmake", ["-S", ".", "-B", "torch/build", ...options]);
  run(folder, "cmake", ["--build", "torch/build", "--target", `${name}_torch`, "--parallel", "2"]);
}

const check = (folder: string, name: string, python: string): Found =>
  JSON.parse(run(folder, python, [script, folder, `${name}_torch`]));

describe.runIf(hasGxx && torchPython !== null)("operators for PyTorch, built for the CPU", { timeout: 600_000 }, () => {
  const python = torchPython ?? "";

  test("a classifier: PyTorch's numbers, alone and under torchrun; fake tensors; what is wrong is said", async () => {
    const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
    const folder = await prepare({ ...goldenModel(golden), name: "micro" }, golden);
    buildByHand(folder, "micro");
    const found = check(folder, "micro", python);
    expectLogits(found.first, golden.logits.values);
    expect(found).toMatchObject({ shapes: [[2, 10]], fake: [[2, 10]], packed: true, wider: true, strided: true });
    expect(found.errors).toEqual([
      "1 of 70 parameters are missing, the first is downsample_layers.0.0.weight",
      "downsample_layers.0.0.weight has 384 elements, not 3",
      "micro was built for CPU tensors",
      "pixel_values must be [2, 3, 64, 64], not [2, 3, 63, 64]",
      "pixel_values must be float32, not Double",
      "micro: the batch is not 1 to 4, for which this library was built",
      "these are no weights that torch.ops.cnxc_micro.pack made",
    ]);
    // As torchrun starts them; its own launcher of 1.13 does not work with Python 3.11.
    const ranks = [0, 1].map(rank => `RANK=${rank} WORLD_SIZE=2 "$0" "$1" "$2" "$3" &`).join(" ");
    const words = ["-c", `${ranks} wait`, python, script, folder, "micro_torch"];
    expect(JSON.parse(run(folder, "sh", words))).toEqual(found.first);
  });

  test("a masked autoencoder: a mask in, three outputs out", async () => {
    const golden = readGolden<FcmaeGolden>("fcmae/micro-128-b2");
    const model = { ...fcmaeModel(golden, "per_sample", "norm_pix_loss"), name: "micro_fcmae" };
    const folder = await prepare(model, golden, denseWeights(golden), golden.mask.flat());
    buildByHand(folder, "micro_fcmae");
    const found = check(folder, "micro_fcmae", python);
    const { loss } = scopeOf(golden, "per_sample");
    expect(Math.abs((found.first[0] ?? 0) / loss.norm_pix_loss - 1)).toBeLessThan(2e-6);
    expect(found.fake).toEqual(found.shapes);
    expect(found.shapes.length).toBe(3);
    expect(found.packed && found.wider && found.strided).toBe(true);
  });

  test.runIf(hasCmake && full)("built by CMake as the module says", async () => {
    const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
    const folder = await prepare({ ...goldenModel(golden), name: "micro" }, golden);
    buildByCmake(folder, "micro", python);
    expectLogits(check(folder, "micro", python).first, golden.logits.values);
  });
});
