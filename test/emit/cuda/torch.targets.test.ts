import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit } from "../../../src/compile.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Weights } from "../../../src/weights/tensor.ts";
import { builtOnce } from "../../support/built-once.ts";
import { hasCmake, hasGxx, torch } from "../../support/cuda-tools.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, scopeOf } from "../../support/fcmae.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { expectLogits } from "../../support/tolerance.ts";

const script = path.join(import.meta.dirname, "torch_check.py");

interface Eager {
  readonly shapes: readonly (readonly number[])[];
  readonly first: readonly number[];
  readonly fake: readonly (readonly number[])[];
}

function run(folder: string, command: string, words: readonly string[], variables = {}): string {
  const env = { ...process.env, ...variables };
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: "utf8", env });
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
  const unit = emit({ model, target, batch: { min: 1, max: 4 }, taps: [], context });
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
async function buildByHand(folder: string, name: string): Promise<void> {
  const sources = readdirSync(folder).filter(file => /\.(cu|h)$/.test(file) && file !== "run.cu");
  const texts = Object.fromEntries(sources.map(file => [file, readFileSync(path.join(folder, file), "utf8")]));
  const unit = sources.filter(file => file.endsWith(".cu")).map(file => `#include "${file}"\n`);
  const compile = ["-std=c++20", "-O1", "-fPIC", "-fno-strict-aliasing", "-c", "all.cpp"] as const;
  const built = await builtOnce("torch", { ...texts, "all.cpp": unit.join("") }, [["g++", ...compile]]);
  copyFileSync(path.join(built, "all.o"), path.join(folder, "all.o"));
  run(folder, "g++", ["-std=c++17", "-O1", "-fPIC", "-Wall", "-Werror=return-type", "-c", "torch/binding.cpp"]);
  const libraries = torch?.stableAbi ? ["-ltorch_cpu"] : ["-ltorch", "-ltorch_cpu", "-lc10"];
  run(folder, "g++", ["-shared", "all.o", "binding.o", "-o", `torch/lib${name}_torch.so`, ...libraries, "-lpthread"]);
}

function buildByCmake(folder: string, name: string, python: string): void {
  const prefix = run(folder, python, ["-c", "import torch; print(torch.utils.cmake_prefix_path)"]).trim();
  const options = ["-DCNXC_CPU=ON", "-DCNXC_TORCH=ON", `-DCMAKE_PREFIX_PATH=${prefix}`];
  run(folder, "cmake", ["-S", ".", "-B", "torch/build", ...options]);
  run(folder, "cmake", ["--build", "torch/build", "--target", `${name}_torch`, "--parallel", "2"]);
}

/** Symbols that a library wants of others, without versions. */
const wanted = (folder: string, library: string): readonly string[] =>
  run(folder, "nm", ["-DP", "--undefined-only", library])
    .split("\n")
    .map(line => line.replace(/[@ ].*/, ""));

const classifier = async () => {
  const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
  return { golden, name: "micro", folder: await prepare({ ...goldenModel(golden), name: "micro" }, golden) };
};

const autoencoder = async () => {
  const golden = readGolden<FcmaeGolden>("fcmae/micro-128-b2");
  const name = "micro_fcmae";
  const model = { ...fcmaeModel(golden, "per_sample", "norm_pix_loss"), name };
  return { golden, name, folder: await prepare(model, golden, denseWeights(golden), golden.mask.flat()) };
};

describe.runIf(hasGxx && torch !== null)("operators for PyTorch, built for the CPU", () => {
  const python = torch?.python ?? "";
  const eager = (folder: string, name: string): Eager =>
    JSON.parse(run(folder, python, [script, "eager", folder, `${name}_torch`]));
  const right = { packed: true, saved: true, wider: true, trained: true, strided: true, warnings: [] };

  test("a classifier: PyTorch's numbers, alone and in two processes; fake tensors; what is wrong is said", async () => {
    const { golden, name, folder } = await classifier();
    await buildByHand(folder, name);
    const found = eager(folder, name);
    expectLogits(found.first, golden.logits.values);
    const errors = [
      "1 of 70 parameters are missing, the first is downsample_layers.0.0.weight",
      "downsample_layers.0.0.weight has 384 elements, not 3",
      "micro was built for CPU tensors",
      "pixel_values must be [2, 3, 64, 64], not [2, 3, 63, 64]",
      "pixel_values must be float32, not Double",
      "micro: the batch is not 1 to 4, for which this library was built",
      "these are no weights that torch.ops.cnxc_micro.pack made",
    ];
    expect(found).toMatchObject({ ...right, shapes: [[2, 10]], fake: [[2, 10]], errors });
    const ranks = [0, 1].map(rank => `RANK=${rank} WORLD_SIZE=2 "$0" "$1" ranks "$2" micro_torch &`).join(" ");
    const words = ["-c", `${ranks} wait`, python, script, folder];
    expect(JSON.parse(run(folder, "sh", words))).toEqual({ first: found.first, torchrun: false });
  });

  test.runIf(full)("a masked autoencoder: a mask in, three outputs out", async () => {
    const { golden, name, folder } = await autoencoder();
    await buildByHand(folder, name);
    const found = eager(folder, name);
    const { loss } = scopeOf(golden, "per_sample");
    expect(Math.abs((found.first[0] ?? 0) / loss.norm_pix_loss - 1)).toBeLessThan(2e-6);
    expect(found).toMatchObject({ ...right, fake: found.shapes });
    expect(found.shapes.length).toBe(3);
  });

  test.runIf(torch?.compiler).each([
    ["a classifier", classifier],
    ["a masked autoencoder", autoencoder],
  ] as const)("%s is one graph of torch.compile, exports, and is what opcheck asks of an operator", async (_, make) => {
    const { name, folder } = await make();
    await buildByHand(folder, name);
    expect(JSON.parse(run(folder, python, [script, "graphs", folder, `${name}_torch`]))).toEqual({
      ...{ fixed: true, graphs: 1, breaks: 0, dynamic: true, compilations: 1, exported: true },
      opcheck: {
        test_schema: "SUCCESS",
        test_autograd_registration: "SUCCESS",
        test_faketensor: "SUCCESS",
        test_aot_dispatch_dynamic: "SUCCESS",
      },
    });
  });

  /** The launcher of 1.13 does not work with Python 3.11. */
  test.runIf(torch?.compiler)("a classifier under torchrun", async () => {
    const { golden, name, folder } = await classifier();
    await buildByHand(folder, name);
    // Processes meet by a file: Debian builds torch without libuv, with which torchrun would have them meet by a socket.
    const meeting = [
      "--rdzv-backend",
      "c10d",
      "--rdzv-conf",
      "store_type=file",
      "--rdzv-endpoint",
      `${folder}/meeting`,
    ];
    const launcher = [
      "-m",
      "torch.distributed.run",
      "--nnodes",
      "1",
      "--nproc-per-node",
      "2",
      "--local-addr",
      "127.0.0.1",
    ];
    const words = [...launcher, ...meeting, script, "ranks", folder, `${name}_torch`];
    const found = run(folder, python, words, { TORCH_DISABLE_SHARE_RDZV_TCP_STORE: "1", USE_LIBUV: "0" });
    const { first, torchrun } = JSON.parse(found);
    expect(torchrun).toBe(true);
    expectLogits(first, golden.logits.values);
  });

  test.runIf(torch?.stableAbi)("of libtorch the library wants C functions alone", async () => {
    const { name, folder } = await classifier();
    await buildByHand(folder, name);
    const library = `torch/lib${name}_torch.so`;
    const symbols = wanted(folder, library);
    expect(symbols).toContain("torch_call_dispatcher");
    expect(symbols.filter(symbol => /c10|2at|torch(?!_)/.test(symbol))).toEqual([]);
    const needed = run(folder, "readelf", ["-d", library]).matchAll(/NEEDED.*\[lib(torch|c10)(.*?)\.so/g);
    expect([...needed].map(([, kind, rest]) => `${kind}${rest}`)).toEqual(["torch_cpu"]);
  });

  test.runIf(hasCmake && full)("built by CMake as the module says", async () => {
    const { golden, name, folder } = await classifier();
    buildByCmake(folder, name, python);
    expectLogits(eager(folder, name).first, golden.logits.values);
  });
});
