// @ts-check
// npm run bench -- cuda --prepare DIR: everything that bench/cuda/run.sh needs on a machine without Node: the generated
// sources of each build, the cost of each launch, and the golden files in a form that C++ reads.
import * as fs from "node:fs";
import * as path from "node:path";
import { keepOutputs } from "../keep-outputs.mjs";
import { prepareTraining } from "./prepare-training.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const { candidates, choicesAt, defaultsWith, mlpCandidates } = await compiled("emit/cuda/candidates.js");
const { cudaFiles } = await compiled("emit/cuda/files.js");
const { sourceOf } = await compiled("emit/cuda/kernels.js");
const { cudaTarget } = await compiled("emit/cuda/target.js");
const { plan } = await compiled("compile.js");
const { movedBy } = await compiled("plan/cost.js");
const { untuned } = await compiled("plan/tiles/tuned-choices.js");
const { bindWeights } = await compiled("weights/use/bind.js");
const { generatorWeights } = await compiled("weights/made/generator.js");
const { f32Tensor, readSafetensors, writeSafetensors } = await compiled("weights/formats/safetensors.js");
const { memorySource } = await compiled("weights/formats/source.js");
const { loadProgram } = await compiled("node/inputs/program.js");
const { version } = await compiled("node/process/version.js");

/** Other choices, of all kernels at once. @type {readonly { name: string; choose: (plan: Plan) => TunedChoices }[]} */
const variants = [
  { name: "w32", choose: ({ steps, batch }) => defaultsWith(steps, batch.max, { warpRows: 32 }) },
  { name: "k64", choose: ({ steps, batch }) => defaultsWith(steps, batch.max, { step: 64 }) },
  {
    name: "tiles", // depthwise convolutions whose threads make all their sites at once
    choose: plan => {
      const shapes = candidates(plan, 101_376);
      const convolutions = shapes.filter((/** @type {Shape} */ { kernel }) => kernel === "depthwise");
      const tiles = convolutions.map((/** @type {Shape} */ { candidates: all, ...of }) => ({
        ...of,
        candidates: all.filter(one => "strip" in one && one.strip === one.rows),
      }));
      return choicesAt(tiles, 0);
    },
  },
  {
    name: "anew", // the values between linears, wherever they can be
    choose: plan =>
      choicesAt(
        mlpCandidates(plan, 101_376).map((/** @type {{ of: Shape }} */ { of }) => of),
        1,
      ),
  },
];
const [compact, masked] = /** @type {const} */ (["compact", "masked"]);
/** Every build: a golden file says which model, the batch which tiles. @type {readonly Build[]} */
const builds = [
  ...["micro-64x64-b2", "micro-32x32-b1", "micro-64x32-b1-c1"].flatMap(golden =>
    /** @type {const} */ (["f32", "f16", "bf16"]).map(dtype => ({ golden, dtype, min: 1, max: 4, times: [] })),
  ),
  ...["atto-224x224-b1", "tiny-224x224-b1", "base-224x224-b1"].flatMap(golden =>
    /** @type {const} */ (["bf16", "f32"]).flatMap(dtype => [
      { golden, dtype, min: 1, max: 1, times: [1] },
      { golden, dtype, min: 1, max: 256, times: [32, 256] },
    ]),
  ),
  // Masked encoders alone: kept patches, and all of them.
  { golden: "fcmae/micro-128-b2", dtype: "f32", min: 1, max: 4, times: [], sites: compact },
  { golden: "fcmae/micro-128-b2", dtype: "bf16", min: 1, max: 4, times: [], sites: compact },
  ...["fcmae/atto-224-b2", "fcmae/tiny-224-b2"].flatMap(golden => [
    { golden, dtype: /** @type {const} */ ("bf16"), min: 1, max: 2, times: [1], sites: compact },
    { golden, dtype: /** @type {const} */ ("bf16"), min: 1, max: 256, times: [32, 256], sites: compact },
    { golden, dtype: /** @type {const} */ ("bf16"), min: 1, max: 256, times: [256], sites: masked, name: "masked" },
  ]),
  // f32 on tensor cores.
  { golden: "micro-64x64-b2", dtype: "f32", min: 1, max: 4, times: [], name: "tf32", tf32: true },
  ...["atto-224x224-b1", "tiny-224x224-b1", "base-224x224-b1"].map(golden => ({
    golden,
    dtype: /** @type {const} */ ("f32"),
    min: 1,
    max: 256,
    times: [32, 256],
    name: "tf32",
    tf32: true,
  })),
  // Other choices, to be compared on the machine at hand.
  ...["atto-224x224-b1", "tiny-224x224-b1", "base-224x224-b1"].flatMap(golden =>
    variants.map(({ name, choose }) => ({
      golden,
      dtype: /** @type {const} */ ("bf16"),
      min: 1,
      max: 256,
      times: [256],
      name,
      choose,
    })),
  ),
];
/** Golden files of the same model, checked by the same build. @type {Readonly<Record<string, readonly string[]>>} */
const alike = {
  "micro-64x64-b2": ["micro-64x64-b2", "micro-eps-64x64-b2", "micro-tails-64x64-b2", "micro-offset-64x64-b2"],
  "atto-224x224-b1": ["atto-224x224-b1", "atto-224x224-b3"],
};

/** @typedef {import("../../src/plan/tiles/tuned-choices.ts").TunedChoices} TunedChoices */
/** @typedef {import("../../src/plan/plan.ts").Plan} Plan */
/** @typedef {import("../../src/emit/cuda/candidates.ts").Shape} Shape */
/** @typedef {{ golden: string; dtype: "f32" | "f16" | "bf16"; min: number; max: number; times: readonly number[]; name?: string; sites?: "compact" | "masked"; tf32?: boolean; choose?: (plan: Plan) => TunedChoices }} Build */

/** @param {string} folder */
export const prepare = async folder => {
  fs.mkdirSync(path.join(folder, "golden", "fcmae"), { recursive: true });
  const rows = [];
  for (const build of builds) rows.push(await prepareBuild(folder, build));
  fs.writeFileSync(path.join(folder, "builds.txt"), rows.join(""));
  const python = ["table.py", "convnextv2.py", "masked_encoder.py", "torch_bench.py"];
  for (const file of ["run.sh", "driver.h", "driver.cu", "figures.json", ...python])
    fs.copyFileSync(path.join(import.meta.dirname, file), path.join(folder, file));
  await prepareTraining(folder);
};

const readGolden = (/** @type {string} */ name) =>
  JSON.parse(
    fs.readFileSync(path.join(root, "test/golden", name.includes("/") ? "" : "dense", `${name}.json`), "utf8"),
  );

/** One line of builds.txt: name, prefix, golden files, batches to time, flags of the driver. */
const prepareBuild = async (/** @type {string} */ folder, /** @type {Build} */ wanted) => {
  const { golden, dtype, min, max, times, name, tf32 = false, choose = () => untuned, sites } = wanted;
  const model = sites === undefined ? modelOf(golden) : maskedModelOf(golden);
  const [size = "", ...rest] = path.basename(golden).split("-");
  const label = [
    sites === undefined ? size : `${size}_fcmae`,
    ...(size === "micro" ? rest : []),
    dtype,
    `b${max}`,
    ...(name === undefined ? [] : [name]),
  ].join("-");
  const planWith = (/** @type {TunedChoices} */ tuned) => {
    const target = cudaTarget(dtype, { tf32, tuned: () => tuned });
    const { rewriting: folds } = target;
    const rewriting = sites === undefined ? folds : [keepOutputs(["encoded"]), ...folds];
    const planned = plan({ model, target: { ...target, rewriting }, batch: { min, max }, sites });
    if (!planned.ok) throw new Error(`${golden} does not compile`);
    return planned.value.plan;
  };
  const made = planWith(choose(planWith(untuned)));
  const context = { model, weights: null, specHash: "", specName: `${size}.cnx`, version };
  const sources = path.join(folder, "builds", label);
  fs.mkdirSync(sources, { recursive: true });
  for (const { path: at, contents } of cudaFiles(made, context, false))
    fs.writeFileSync(path.join(sources, path.basename(at)), contents);
  const costs = made.steps.map((/** @type {import("../../src/plan/plan.ts").Step} */ step) => {
    const { template, work } = sourceOf(step, made);
    const { fixed, each } = movedBy(step);
    return `${step.name} ${template.replace("cuda/", "")} ${work.unit} ${work.flops} ${fixed} ${each}\n`;
  });
  fs.writeFileSync(path.join(sources, "launches.txt"), costs.join(""));
  const checked = (alike[golden] ?? [golden]).filter(name => readGolden(name).input.shape[0] <= max);
  for (const name of checked) await (sites === undefined ? writeGolden : writeMasked)(folder, name, made.params);
  return `${label} ${model.name} ${checked.join(",")} ${times.join(",") || "-"} ${sites === undefined ? "" : "-DMASKED"}\n`;
};

/** The model of a golden file; published sizes come from the specs. */
const modelOf = (/** @type {string} */ golden) => {
  const [size = ""] = golden.split("-");
  const { spec, input } = readGolden(golden);
  const [, , height, width] = input.shape;
  const model = modelNamed(size === "micro" ? "micro.cnx" : "convnextv2.cnx", size);
  return {
    ...model,
    input: { ...model.input, height, width, channels: spec.in_chans },
    head: { ...model.head, classes: spec.num_classes, labels: null },
  };
};

/** The masked autoencoder of a golden file. Its decoder may be another: the encoder alone is built. */
const maskedModelOf = (/** @type {string} */ golden) => {
  const { variant } = readGolden(golden);
  return modelNamed(variant === "micro" ? "micro.cnx" : "fcmae.cnx", `${variant}_fcmae`);
};

const modelNamed = (/** @type {string} */ file, /** @type {string} */ name) => {
  const loaded = loadProgram(path.join(root, "specs", file), null);
  if (!loaded.ok) throw new Error(`specs/${file} is wrong`);
  return loaded.value.program.models.get(name);
};

/** @param {readonly number[]} list */
const listed = list => `${list.length}\n${list.join("\n")}`;

/** What both kinds of golden file begin with. */
const headOf = (/** @type {string} */ name, /** @type {number} */ output) => {
  const { seed, input } = readGolden(name);
  const [batch, ...image] = input.shape;
  const size = image.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
  return [
    `golden ${name}`,
    `seed ${seed}`,
    `batch ${batch}`,
    `image ${size}`,
    `input ${input.mean} ${input.halfwidth}`,
    `output ${output}`,
  ];
};

const writeGolden = (/** @type {string} */ folder, /** @type {string} */ name) => {
  const { input, params, logits } = readGolden(name);
  const lines = [
    ...headOf(name, logits.values.length / input.shape[0]),
    ...params.map(
      (/** @type {[string, number[], number, number]} */ [key, , mean, width]) => `param ${key} ${mean} ${width}`,
    ),
    `wanted ${listed(logits.values)}`,
  ];
  fs.writeFileSync(path.join(folder, "golden", `${name}.txt`), `${lines.join("\n")}\n`);
};

/** Parameters of sparse pre-training are laid out in another way: they go into a file as the kernels take them. */
const writeMasked = async (
  /** @type {string} */ folder,
  /** @type {string} */ name,
  /** @type {readonly { name: string; shape: readonly number[] }[]} */ wanted,
) => {
  const { seed, params, mask, grn_scope_sample, name: origin } = readGolden(name);
  const drawn = generatorWeights(origin, seed, params);
  const tensors = params.map((/** @type {[string, number[]]} */ [key, shape]) =>
    f32Tensor(key, shape, () => drawn.f32(key)),
  );
  const parts = [];
  for await (const part of writeSafetensors(tensors)) parts.push(part);
  const file = await readSafetensors(memorySource(name, Buffer.concat(parts)));
  const bound = await bindWeights(file.value, wanted);
  if (!bound.ok) throw new Error(bound.diagnostics[0].message);
  const values = [];
  for (const { name } of wanted) {
    const { buffer, byteOffset, byteLength } = await bound.value.f32(name);
    values.push(Buffer.from(buffer, byteOffset, byteLength));
  }
  fs.writeFileSync(path.join(folder, "golden", `${name}.f32`), Buffer.concat(values));
  const { shape, at, values: samples } = grn_scope_sample.encoder;
  const lines = [
    ...headOf(name, shape[1] * shape[2] * shape[3]),
    `weights ${path.basename(name)}.f32`,
    `mask ${listed(mask.flat())}`,
    `at ${listed(at)}`,
    `wanted ${listed(samples)}`,
  ];
  fs.writeFileSync(path.join(folder, "golden", `${name}.txt`), `${lines.join("\n")}\n`);
};
