import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { analyse, planTraining } from "../../../src/compile.ts";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { cudaTrainerFiles } from "../../../src/emit/cuda/trainer/files.ts";
import type { Recipe, StorageType } from "../../../src/model/model.ts";
import { builtOnce } from "../../support/built-once.ts";
import { hasGxx, torch } from "../../support/cuda-tools.ts";
import { denseName } from "../../support/fcmae.ts";
import { fill } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { denseGradients, expectGradients, fcmaeGradients, float32Gradients } from "../../support/gradients.ts";
import { must } from "../../syntax/support.ts";

const script = path.join(import.meta.dirname, "torch_train_check.py");
const python = torch?.python ?? "";
const hasTorchvision = torch !== null && spawnSync(python, ["-c", "import torchvision"]).status === 0;

function run(folder: string, command: string, words: readonly string[], variables = {}): string {
  const env = { ...process.env, ...variables };
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: "utf8", env });
  expect(status, `${command} ${words.join(" ")}\n${stderr}`).toBe(0);
  return stdout;
}

/** Any model of the goldens learns by it; two updates an epoch of 32 pictures. */
function recipe(): Recipe {
  const text = `
    model any { depths [1]  dims [8]  input 32x32x3 }
    train learn {
      model any  batch 4  accumulate 4  epochs 3  clip 5  ema 0.9
      optimizer adamw { lr 1e-3  weight_decay 0.05 }
      schedule cosine { warmup 1 }
      augment { crop 0.4..1.0  flip true }
    }`;
  const { program } = must(analyse({ name: "s.cnx", text }, name => ok({ name, text: "" })));
  return program.recipes.get("learn") as Recipe;
}

/** What trains a model of a golden file, built as `NAME_train_torch` in a folder of its own, with its weights and inputs. */
async function trainer(
  root: string,
  name: string,
  golden: ReturnType<typeof fcmaeGradients> | ReturnType<typeof denseGradients>,
  dtype: StorageType = "f32",
) {
  const model = { ...golden.model, name };
  const training = {
    recipe: recipe(),
    plan: must(planTraining({ recipe: recipe(), model, target: cudaTarget(dtype) })).plan,
  };
  const context = { model, weights: golden.weights, specName: "", version: "0.1.0" };
  const folder = path.join(root, name);
  for (const { path: file, contents } of cudaTrainerFiles(training, context, true)) {
    const parts: Uint8Array[] = [];
    if (typeof contents === "string" || contents instanceof Uint8Array) parts.push(Buffer.from(contents));
    else for await (const part of contents) parts.push(part);
    const at = path.join(folder, file.replace("cuda/train/", ""));
    mkdirSync(path.dirname(at), { recursive: true });
    writeFileSync(at, Buffer.concat(parts));
  }
  const inputs = [...golden.inputs].map(([input, { shape, data }]) => ({ input, shape, data: [...data] }));
  fill(folder, { "case.json": JSON.stringify({ inputs }) });
  await build(folder, name);
  return { folder, name, params: training.plan.params };
}

/** Kernels as one unit, then the operators; what only the C library needs is left out. */
async function build(folder: string, name: string): Promise<void> {
  const left = ["run.cu", "optimizer.cu", `${name}_train.cu`];
  const sources = readdirSync(folder).filter(file => /\.(cu|h)$/.test(file) && !left.includes(file));
  const texts = Object.fromEntries(sources.map(file => [file, readFileSync(path.join(folder, file), "utf8")]));
  const unit = sources.filter(file => file.endsWith(".cu")).map(file => `#include "${file}"\n`);
  const compile = ["-std=c++20", "-O1", "-fPIC", "-fno-strict-aliasing", "-Wall", "-Wextra", "-c", "all.cpp"] as const;
  const built = await builtOnce("torch-trainer", { ...texts, "all.cpp": unit.join("") }, [["g++", ...compile]]);
  copyFileSync(path.join(built, "all.o"), path.join(folder, "all.o"));
  run(folder, "g++", ["-std=c++17", "-O1", "-fPIC", "-Wall", "-Werror=return-type", "-c", "torch/binding.cpp"]);
  const libraries = torch?.stableAbi ? ["-ltorch_cpu"] : ["-ltorch", "-ltorch_cpu", "-lc10"];
  run(folder, "g++", [
    "-shared",
    "all.o",
    "binding.o",
    "-o",
    `torch/lib${name}_train_torch.so`,
    ...libraries,
    "-lpthread",
  ]);
}

type Trainer = Awaited<ReturnType<typeof trainer>>;
const ask = ({ folder, name }: Trainer, part: string) =>
  JSON.parse(run(folder, python, [script, part, folder, `${name}_train_torch`]));

/** Gradients that a script wrote one after the other, by the names of their parameters. */
function gradientsOf({ folder, params }: Trainer) {
  const { buffer, byteOffset, byteLength } = readFileSync(path.join(folder, "gradients.bin"));
  const all = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  let at = 0;
  const found = new Map<string, Float32Array>();
  for (const { name, shape } of params) {
    const elements = shape.reduce((a, b) => a * b, 1);
    found.set(name, all.subarray(at, at + elements));
    at += elements;
  }
  expect(at).toBe(all.length);
  return (name: string) => ({ data: found.get(name) ?? [] });
}

/** Processes that meet by a port of this machine, as torchrun starts them; 1.13's own does not run on Python 3.11. */
function processes(folder: string, count: number, port: number, words: readonly string[]): readonly ChildProcess[] {
  return Array.from({ length: count }, (_, rank) => {
    const variables = { RANK: `${rank}`, WORLD_SIZE: `${count}`, MASTER_ADDR: "127.0.0.1", MASTER_PORT: `${port}` };
    const env = { ...process.env, ...variables, GLOO_SOCKET_IFNAME: "lo", USE_LIBUV: "0" };
    return spawn(python, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  });
}

/** Their standard output, once all have ended well. */
async function finished(all: readonly ChildProcess[]): Promise<readonly string[]> {
  return await Promise.all(
    all.map(child => {
      let [out, error] = ["", ""];
      child.stdout?.on("data", data => (out += data));
      child.stderr?.on("data", data => (error += data));
      return new Promise<string>((resolve, reject) =>
        child.on("close", code => (code === 0 ? resolve(out) : reject(new Error(`exit ${code}: ${error}`)))),
      );
    }),
  );
}

const port = () => 20000 + Math.floor(Math.random() * 20000);

describe.runIf(hasGxx && torch !== null)("training in PyTorch, on the CPU body", () => {
  const file = "micro-128-b2-sample-norm_pix_loss";
  const golden = fcmaeGradients(file);
  let root: string;
  let encoder: Trainer;
  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), "cnxc-test-"));
    encoder = await trainer(root, "micro_fcmae", golden);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("a masked autoencoder: PyTorch's own loss and gradients; names and shapes; what is wrong is said", () => {
    const found = ask(encoder, "gradients");
    const limits = float32Gradients(file);
    expect(Math.abs(found.loss / golden.golden.loss - 1)).toBeLessThan(limits.loss);
    const { input: _, ...grads } = golden.golden.grads;
    expectGradients({ ...golden.golden, grads }, gradientsOf(encoder), limits);
    expect(found.state).toEqual(Object.fromEntries(encoder.params.map(({ name, shape }) => [name, shape])));
    expect(found).toMatchObject({ again: true, halved: true, added: true, begun: true, warnings: [] });
    expect(found.errors).toEqual([
      "mask must have 32 elements, not the 30 of [2, 15]",
      "pixel_values must have 98304 elements, not the 97536 of [2, 3, 127, 128]",
      "micro_fcmae: the batch is 1 to 4, not 5",
      "micro_fcmae has segments 0 to 4, not 5",
      "stages.0 has 14 parameters, not 1",
      "downsample_layers.0.0.weight must be Float, not Double",
    ]);
  });

  test.each(full ? [2, 3] : [2])(
    "DistributedDataParallel: %i processes make the gradients that one makes of all pictures",
    async count => {
      const said = await finished(
        processes(encoder.folder, count, port(), [script, "ddp", encoder.folder, `${encoder.name}_train_torch`]),
      );
      const { off, moved, reduced } = JSON.parse(said[0] as string);
      expect(off).toBeLessThan(1e-6);
      expect(moved).toBe(true); // else there was nothing to reduce
      expect(reduced).toBe(true);
    },
  );

  test.runIf(hasTorchvision && full)(
    "pretrain.py on two processes, killed and resumed, ends with the same bits",
    async () => {
      run(encoder.folder, python, [script, "pictures", encoder.folder, ""]);
      const start = (output: string) => {
        const words = ["torch/pretrain.py", "pictures", "--output", output, "--device", "cpu", "--workers", "1"];
        return processes(encoder.folder, 2, port(), words);
      };
      await finished(start("whole"));
      const [first, second] = start("broken");
      const broken = path.join(encoder.folder, "broken/log.jsonl");
      while (!existsSync(broken) || !readFileSync(broken, "utf8").includes('"epoch": 1'))
        await new Promise(resolve => setTimeout(resolve, 100));
      const ended = [first, second].map(child => new Promise(resolve => child?.on("close", resolve)));
      for (const child of [first, second]) child?.kill("SIGKILL");
      await Promise.all(ended);
      await finished(start("broken"));
      const log = (output: string) =>
        readFileSync(path.join(encoder.folder, output, "log.jsonl"), "utf8")
          .trim()
          .split("\n");
      const losses = (output: string) =>
        new Map(log(output).map(line => [JSON.parse(line).step, JSON.parse(line).loss]));
      expect([...losses("whole").keys()]).toEqual([1, 2, 3, 4, 5, 6]);
      expect(losses("broken")).toEqual(losses("whole"));
      expect(log("broken").length).toBeGreaterThan(6); // the epoch that was cut off was begun anew
      expect(ask(encoder, "same")).toEqual({ same: true, learned: true });
    },
  );

  test.runIf(torch?.compiler)(
    "FullyShardedDataParallel: two processes hold half of it each, and take one's step",
    async () => {
      const words = [script, "fsdp", encoder.folder, `${encoder.name}_train_torch`];
      const { off, share } = JSON.parse((await finished(processes(encoder.folder, 2, port(), words)))[0] as string);
      expect(off).toBeLessThan(1e-4); // of weights in f32, less where they were
      expect(Math.abs(share - 0.5)).toBeLessThan(0.01);
    },
  );

  test.runIf(torch?.compiler)("it is one graph of torch.compile, exports, and is what opcheck asks", () => {
    expect(ask(encoder, "graphs")).toEqual({
      ...{ compiled: true, graphs: 1, breaks: 0, exported: true },
      opcheck: ["SUCCESS"],
    });
  });

  describe.runIf(full)("others", () => {
    test("a classifier with a stage in two segments", async () => {
      const given = denseGradients("micro-64x64-b2");
      const classifier = await trainer(root, "micro", given);
      const { loss } = ask(classifier, "gradients");
      const limits = float32Gradients("micro-64x64-b2");
      expect(Math.abs(loss / given.golden.loss - 1)).toBeLessThan(limits.loss);
      const { input: _, ...grads } = given.golden.grads;
      expectGradients({ ...given.golden, grads }, gradientsOf(classifier), limits);
    });

    test.each([
      ["bf16", 3e-2],
      ["f16", 5e-3],
    ] as const)("a classifier in %s, whose gradients are those of f32 nearly", async (dtype, limit) => {
      const given = denseGradients("micro-64x64-b2");
      const classifier = await trainer(root, `micro_${dtype}`, given, dtype);
      expect(Math.abs(ask(classifier, "gradients").loss / given.golden.loss - 1)).toBeLessThan(5e-3);
      const found = gradientsOf(classifier);
      const sums = { off: 0, size: 0 };
      for (const [key, { at, values }] of Object.entries(given.golden.grads).filter(([key]) => key !== "input"))
        for (const [i, index] of at.entries()) {
          sums.off += ((found(denseName(key)).data[index] as number) - (values[i] as number)) ** 2;
          sums.size += (values[i] as number) ** 2;
        }
      const off = Math.sqrt(sums.off / sums.size);
      console.info(dtype, off);
      expect(off).toBeLessThan(limit);
      expect(off).toBeGreaterThan(1e-4); // else nothing was rounded
    });
  });
});
