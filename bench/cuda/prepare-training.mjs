// @ts-check
// The training part of `npm run bench -- cuda --prepare DIR`: sources of each library that trains, the cost of its launches,
// and recorded traces of AdamW in a form that C++ reads.
import * as fs from "node:fs";
import * as path from "node:path";
import { networkOf } from "../python.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const { planTraining } = await compiled("compile.js");
const { sourceOf } = await compiled("emit/cuda/kernels.js");
const { cudaTarget } = await compiled("emit/cuda/target.js");
const { cudaTrainerFiles } = await compiled("emit/cuda/trainer/files.js");
const { randomMask } = await compiled("runtime/index.js");
const { movedBy } = await compiled("plan/cost.js");
const { learnedBy } = await compiled("training/learned.js");
const { bindWeights } = await compiled("weights/use/bind.js");
const { generatorTensor, generatorWeights } = await compiled("weights/made/generator.js");
const { f32Tensor, readSafetensors, writeSafetensors } = await compiled("weights/formats/safetensors.js");
const { memorySource } = await compiled("weights/formats/source.js");
const { loadProgram } = await compiled("node/inputs/program.js");
const { version } = await compiled("node/process/version.js");

/** @typedef {"f32" | "f16" | "bf16"} DType */
/** @typedef {{ model: string; dtype: DType; tf32?: boolean; sites?: "compact" | "masked"; trace?: string; times?: readonly number[] }} Build */

const sizes = ["atto", "tiny", "base"];
/** Every build: those with a trace are checked, those with batches timed. @type {readonly Build[]} */
const builds = [
  ...["pretrain-micro-sample", "finetune-micro"].flatMap(trace => [
    { model: "micro", dtype: /** @type {const} */ ("f32"), trace },
    { model: "micro", dtype: /** @type {const} */ ("f32"), tf32: true, trace },
    { model: "micro", dtype: /** @type {const} */ ("bf16"), trace },
  ]),
  ...sizes.flatMap(size => [
    { model: `${size}_fcmae`, dtype: /** @type {const} */ ("bf16"), times: [64, 256] },
    { model: size, dtype: /** @type {const} */ ("bf16"), times: [64, 256] },
    {
      model: `${size}_fcmae`,
      dtype: /** @type {const} */ ("bf16"),
      sites: /** @type {const} */ ("masked"),
      times: [64, 256],
    },
  ]),
];

/** What is read and written of a parameter by the norm of all gradients and AdamW, bytes: training in f32 has four of each. */
const updateBytes = 32;

/** @param {string} folder */
export const prepareTraining = async folder => {
  fs.mkdirSync(path.join(folder, "golden", "train"), { recursive: true });
  const rows = [];
  for (const build of builds) rows.push(await prepareBuild(folder, build));
  fs.writeFileSync(path.join(folder, "training.txt"), rows.join(""));
  const networks = Object.fromEntries(
    sizes.map(size => [size, { ...networkOf(modelNamed(`${size}_fcmae`)), classes: 1000, input: [1, 3, 224, 224] }]),
  );
  fs.writeFileSync(path.join(folder, "networks.json"), JSON.stringify(networks));
  fs.copyFileSync(path.join(import.meta.dirname, "..", "torch_networks.py"), path.join(folder, "torch_networks.py"));
  for (const file of ["train_driver.cu", "torch_train_bench.py"])
    fs.copyFileSync(path.join(import.meta.dirname, file), path.join(folder, file));
};

const modelNamed = (/** @type {string} */ name) => {
  const file = name.startsWith("micro") ? "micro.cnx" : name.endsWith("_fcmae") ? "fcmae.cnx" : "convnextv2.cnx";
  const loaded = loadProgram(path.join(root, "specs", file), null);
  if (!loaded.ok) throw new Error(`specs/${file} is wrong`);
  return loaded.value.program.models.get(name);
};

/** How a model learns where nothing was recorded. */
const plainRecipe = {
  ...{
    name: "bench",
    model: "",
    batch: 256,
    accumulate: 1,
    clip: null,
    ema: null,
    layerDecay: null,
    layerDecayType: "single",
  },
  ...{ dropPath: 0, smoothing: 0, seed: 0, init: 0.02, length: { unit: "steps", count: 1 } },
  optimizer: { lr: 1e-4, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.05, decays: "published_pretrain" },
  schedule: { warmup: 0, total: 1, first: 0, minLr: 0 },
  augment: { crop: null, flip: false, mixup: 0, cutmix: 0 },
};

/** One line of training.txt: name, prefix, trainer, trace, batches to time. */
const prepareBuild = async (/** @type {string} */ folder, /** @type {Build} */ build) => {
  const { dtype, tf32 = false, sites = "auto", trace: recorded = null, times = [] } = build;
  const trace = recorded === null ? null : readTrace(recorded);
  const model = trace === null ? modelNamed(build.model) : modelOfTrace(trace);
  const recipe = trace === null ? plainRecipe : recipeOfTrace(trace);
  const planned = planTraining({ recipe, model, target: cudaTarget(dtype, { tf32 }), sites });
  if (!planned.ok) throw new Error(`${model.name} does not learn`);
  const { plan } = planned.value;
  const label = [model.name, tf32 ? "tf32" : dtype, "train", ...(sites === "masked" ? ["masked"] : [])].join("-");
  const sources = path.join(folder, "builds", label);
  fs.mkdirSync(sources, { recursive: true });
  const context = { model, weights: null, specName: `${model.name}.cnx`, version };
  for (const { path: at, contents } of cudaTrainerFiles({ recipe, plan }, context))
    if (typeof contents === "string") fs.writeFileSync(path.join(sources, path.basename(at)), contents);
  const costs = plan.steps.map((/** @type {import("../../src/plan/plan.ts").Step} */ step) => {
    const { template, work } = sourceOf(step, plan);
    const { fixed, each } = movedBy(step);
    return `${step.name} ${template.replace("cuda/", "")} ${work.unit} ${work.flops} ${fixed} ${each}\n`;
  });
  const learned = plan.params.reduce(
    (/** @type {number} */ sum, /** @type {any} */ { shape }) => sum + elements(shape),
    0,
  );
  costs.push(`update adamw simt 0 ${updateBytes * learned} 0\n`);
  fs.writeFileSync(path.join(sources, "launches.txt"), costs.join(""));
  const about = trace === null ? shapesOf(plan, label) : await writeTrace(folder, trace, model, recipe, plan);
  fs.writeFileSync(path.join(folder, "golden", "train", `${trace?.name ?? label}.txt`), about);
  return `${label} ${model.name}_train ${model.name}_trainer ${trace?.name ?? "-"} ${times.join(",") || "-"}\n`;
};

const elements = (/** @type {readonly number[]} */ shape) => shape.reduce((a, b) => a * b, 1);
const listed = (/** @type {readonly number[]} */ list) => `${list.length}\n${list.join("\n")}`;

/** Inputs of a model that is only timed: elements of an image, and a mask or a target for each. */
const shapesOf = (/** @type {any} */ { inputs: [image, other] }, /** @type {string} */ label) => {
  const [count] = other.shape;
  const row =
    other.keep === null
      ? Array.from({ length: count }, (_, i) => (i === 0 ? 1 : 0))
      : [...randomMask(1, { batch: 1, patches: count, keep: other.keep })];
  return `trace ${label}\nimage ${elements(image.shape)}\nother ${count}\nrow ${listed(row)}\n`;
};

const readTrace = (/** @type {string} */ name) =>
  JSON.parse(fs.readFileSync(path.join(root, "test/golden/train", `${name}.json`), "utf8"));

const modelOfTrace = (/** @type {any} */ { task, spec, norm_pix_loss, input, classes }) => {
  const model = modelNamed(task === "fcmae" ? "micro_fcmae" : "micro");
  const [, , height, width] = input.shape;
  const decoder = { ...model.head.decoder, depth: spec.decoder_depth, dim: spec.decoder_embed_dim };
  const head =
    task === "fcmae"
      ? { ...model.head, decoder, normPixLoss: norm_pix_loss }
      : { ...model.head, classes, labels: null };
  return { ...model, input: { ...model.input, height, width }, head };
};

const recipeOfTrace = (/** @type {any} */ { optimizer, input, steps }) => {
  const { betas, eps, weight_decay, decay_rule, clip, accumulate, ema, layer_decay, schedule } = optimizer;
  return {
    ...plainRecipe,
    ...{
      batch: input.shape[0],
      accumulate,
      clip,
      ema,
      layerDecay: layer_decay,
      length: { unit: "steps", count: steps },
    },
    optimizer: { lr: schedule.lr, betas, eps, weightDecay: weight_decay, decays: `published_${decay_rule}` },
  };
};

/** Official names of what sparse pre-training calls otherwise. */
const officialName = (/** @type {string} */ key) =>
  key
    .replace(/^encoder\./, "")
    .replace(/\.(ln|linear)\./, ".")
    .replace(/\.kernel$/, ".weight");

/** A trace, and beside it its weights and all inputs of its steps, raw f32. */
const writeTrace = async (
  /** @type {string} */ folder,
  /** @type {any} */ trace,
  /** @type {any} */ model,
  /** @type {any} */ recipe,
  /** @type {any} */ plan,
) => {
  const { name, seed, params, input, masks, labels, classes, smoothing, optimizer, log, moved } = trace;
  const at = path.join(folder, "golden", "train", name);
  const drawn = generatorWeights(`golden:${name}`, seed, params);
  const tensors = params.map((/** @type {[string, number[]]} */ [key, shape]) =>
    f32Tensor(key, shape, () => drawn.f32(key)),
  );
  const parts = [];
  for await (const part of writeSafetensors(tensors)) parts.push(part);
  const file = await readSafetensors(memorySource(name, Buffer.concat(parts)));
  const bound = await bindWeights(file.value, plan.params);
  if (!bound.ok) throw new Error(bound.diagnostics[0].message);
  const bytes = (/** @type {Float32Array} */ { buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength);
  const values = [];
  for (const of of plan.params) values.push(bytes(await bound.value.f32(of.name)));
  fs.writeFileSync(`${at}.f32`, Buffer.concat(values));

  const targets = (/** @type {readonly number[]} */ rows) =>
    rows.flatMap(label =>
      Array.from({ length: classes }, (_, i) => smoothing / classes + (i === label ? 1 - smoothing : 0)),
    );
  const given = [];
  for (let step = 0; step < log.length; step++)
    for (let micro = 0; micro < optimizer.accumulate; micro++) {
      const pixels = generatorTensor(
        seed,
        `input:${step}:${micro}`,
        elements(input.shape),
        input.mean,
        input.halfwidth,
      );
      const second = masks ? masks[step][micro].flat() : targets(labels[step][micro]);
      given.push(bytes(pixels), bytes(Float32Array.from(second)));
    }
  fs.writeFileSync(`${at}.inputs.f32`, Buffer.concat(given));

  const gone = new Map(Object.entries(moved).map(([key, { l2 }]) => [officialName(key), l2]));
  const lines = [
    `trace ${name}`,
    `weights ${name}.f32`,
    `inputs ${name}.inputs.f32`,
    `batch ${input.shape[0]}`,
    `image ${elements(input.shape) / input.shape[0]}`,
    `other ${masks ? masks[0][0][0].length : classes}`,
    `adamw ${optimizer.betas.join(" ")} ${optimizer.eps} ${optimizer.ema} ${optimizer.clip ?? 0}`,
    `accumulate ${optimizer.accumulate}`,
    ...learnedBy(recipe, model, plan.params).map(
      (/** @type {any} */ { lrScale, weightDecay }) => `treatment ${lrScale} ${weightDecay}`,
    ),
    ...log.map((/** @type {any} */ { lr, losses, grad_l2 }) => `step ${lr} ${listed(losses)} ${grad_l2}`),
    `moved ${listed(plan.params.map((/** @type {{ name: string }} */ { name }) => gone.get(name)))}`,
  ];
  return `${lines.join("\n")}\n`;
};
