import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";

const body = "{ depths [1]  dims [6]  input 16x12x3  stem patch 2  head classifier { classes 4 } }";
const spec = `model trainer ${body}
model other ${body}
train learn {
  model trainer  batch 3  steps 8  drop_path 0.1  layer_decay 0.5
  optimizer adamw { weight_decay 0.3  decays published_finetune }
}
train masked { model masks  batch 2  steps 1 }
model masks { depths [1]  dims [6]  input 16x16x3  stem patch 2  head fcmae { patch_size 4  decoder { depth 1  dim 8 } } }
`;

const compile = async (...words: readonly string[]) => {
  const folder = newFolder();
  fill(folder, { "m.cnx": spec });
  const { code, stderr } = await cnxc(["compile", "m.cnx", "-o", "out", ...words], { cwd: folder });
  const out = path.join(folder, "out");
  const files = fs.existsSync(out) ? fs.readdirSync(out, { recursive: true, encoding: "utf8" }).sort() : [];
  const read = (file: string): string => fs.readFileSync(path.join(out, file), "utf8");
  const size = (file: string): number => fs.statSync(path.join(out, file)).size;
  return { code, stderr, files, read, size };
};

describe("compile --train", () => {
  test("writes what trains the recipe's model beside it, and nothing of another model", async () => {
    const { code, stderr, files, read } = await compile("-t", "wgsl", "--train", "learn");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // The model's own module has that name.
    for (const file of [
      "trainer.js",
      "model_trainer.js",
      "model_trainer.ts",
      "model_trainer_data.js",
      "training_plan.txt",
    ])
      expect(files).toContain(`trainer/${file}`);
    expect(files.some(file => file.startsWith("other"))).toBe(false);
    const kernels = files.filter(file => file.startsWith("trainer/wgsl/training/"));
    for (const name of ["head.weight.grad.sum", "downsample_layers.0.0.pack", "optimizer/adamw"])
      expect(kernels).toContain(`trainer/wgsl/training/${name}.wgsl`);
    expect(read("trainer/trainer.js")).not.toContain("training");
    expect(read("trainer/model_trainer.ts")).toMatch(/keep: Float32Array.*\n.*\n.*targets: Float32Array/);
    const data = read("trainer/model_trainer_data.js");
    expect(data).toContain('{ name: "head.weight", lrScale: 1, decays: true }');
    expect(data).toContain('{ name: "stages.0.0.pwconv1.weight", lrScale: 0.5, decays: true }');
    expect(data).toContain('{ name: "stages.0.0.grn.gamma", lrScale: 0.5, decays: false }');
    expect(files).toContain("trainer/weights.safetensors");
    expect(JSON.parse(read("cnxc.manifest.json")).specs[0].options).toMatchObject({ recipe: "learn" });
  });

  test("leaves other targets and models that are named too as they are, and takes f16 models", async () => {
    const both = await compile("-t", "wgsl,onnx", "--train", "masked", "-m", "masks,other", "--dtype", "f16");
    expect(both).toMatchObject({ code: 0, stderr: "" });
    const alone = await compile("-t", "wgsl,onnx", "-m", "masks,other", "--dtype", "f16");
    const more = both.files.filter(file => !alone.files.includes(file));
    expect(more).toContain("masks/trainer.js");
    expect(more.filter(file => !/^masks\/(trainer|training|wgsl\/training|weights)/.test(file))).toEqual([]);
    for (const file of alone.files.filter(file => /\.\w+$/.test(file) && file !== "cnxc.manifest.json"))
      expect(both.read(file), file).toBe(alone.read(file));
    expect(both.read("masks/trainer_data.js")).not.toContain("f16");
  });

  test("makes a library of C for CUDA, and weights to begin from", async () => {
    const { code, stderr, files, read, size } = await compile("-t", "cuda", "--train", "learn", "--dtype", "bf16");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const made = files.filter(file => file.startsWith("trainer/cuda/train/"));
    for (const name of ["trainer_train.h", "trainer_train.cu", "optimizer.cu", "pack.cu", "run.cu", "example.c"])
      expect(made).toContain(`trainer/cuda/train/${name}`);
    const elements = [...read("trainer/cuda/train/trainer_train.cu").matchAll(/^ {4}\{"[\w.]+", (\d+)\},/gm)];
    const bytes = elements.reduce((sum, [, count]) => sum + 4 * Number(count), 0);
    expect(size("trainer/cuda/train/weights.bin")).toBe(bytes);
    // Half of the learning rate a layer, and GRN's do not decay.
    const example = read("trainer/cuda/train/example.c");
    expect(example).toMatch(/\{1\.0f, 0\.\d+f\}, \/\* head\.weight/);
    expect(example).toMatch(/\{0\.5f, 0\.0f\}, \/\* stages\.0\.0\.grn\.gamma/);
  });

  test("makes a module of PyTorch that learns, and a program that trains it, with --torch alone", async () => {
    const words = ["-t", "cuda", "--dtype", "f16", "--torch", "--train"];
    const learn = await compile(...words, "learn");
    const masked = await compile(...words, "masked");
    const [finetune, pretrain] = ["trainer/cuda/train/torch/finetune.py", "masks/cuda/train/torch/pretrain.py"];
    for (const [{ code, stderr, files }, name, script] of [
      [learn, "trainer", finetune],
      [masked, "masks", pretrain],
    ] as const) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const at = `${name}/cuda/train`;
      const module = `${at}/torch/${name}_train_torch.py`;
      for (const file of [`${at}/segments.h`, `${at}/segment_parts.cu`, `${at}/torch/binding.cpp`, module, script])
        expect(files).toContain(file);
    }
    expect(learn.files).not.toContain(pretrain.replace("masks", "trainer"));
    const script = learn.read(finetune);
    expect(script).toContain("BATCH = 3  #");
    expect(script).toContain("LENGTH, WARMUP, FIRST, TOTAL = 8, 0.4, 0, 8");
    expect(script).toContain("unit = 1\n"); // steps, and not epochs
    expect(script).not.toContain("EMA");
    const module = learn.read("trainer/cuda/train/torch/trainer_train_torch.py");
    expect(module).toMatch(/Parameter\("head\.weight", \(\d+, \d+\), 1, 0\.3\)/);
    expect(module).toMatch(/Parameter\("stages\.0\.0\.grn\.gamma", \(1, 1, 1, \d+\), 0\.5, 0\)/);
    expect(module).toContain("flat = flat / 2"); // the loss scale of three images
    expect(module).toContain("def draw_keep");
    expect(masked.read("masks/cuda/train/torch/masks_train_torch.py")).toContain("def draw_mask");
    const without = await compile("-t", "cuda", "--train", "learn");
    expect(without.files.filter(file => /torch|segment/.test(file))).toEqual([]);
  });

  test.each([
    [["-t", "onnx"], "train-misplaced", "a graph keeps no state"],
    [["-m", "other"], "recipe-model", "recipe 'learn' trains model 'trainer', which is not compiled"],
  ])("says why not: %s", async (words, error, why) => {
    const { code, stderr, files } = await compile("--train", "learn", ...words);
    expect({ code, files }).toEqual({ code: 2, files: [] });
    expect(stderr).toContain(`error[E_USAGE/${error}]`);
    expect(stderr).toContain(why);
  });

  test("knows no other recipe", async () => {
    const { code, stderr } = await compile("--train", "lern");
    expect(code).toBe(2);
    expect(stderr).toContain("no recipe 'lern', did you mean 'learn'?");
  });
});
