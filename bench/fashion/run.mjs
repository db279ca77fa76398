// @ts-check
// Does it learn as well as PyTorch? A small network is pre-trained on Fashion-MNIST by `cnxc train` and by PyTorch, from the
// same weights, images, masks and order; then a classifier is fine-tuned on 1,000 labels, from each one's own pre-training
// and from scratch, with three seeds. Prints losses, the part of 10,000 held-out images that each is right about, and that
// of linear probes of the encoders.
//   node bench/fashion/run.mjs FOLDER [--images 60000] [--epochs 4] [--adapter lavapipe] [--save]
// FOLDER is left with the runs: report.html of each is worth a look. Needs python3-torch and dataset-fashion-mnist of Debian.
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { networkOf, python } from "../python.mjs";
import { compiled } from "../train-case.mjs";
import { writeImages } from "./data.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string", default: "60000" },
    epochs: { type: "string", default: "4" },
    adapter: { type: "string" },
    save: { type: "boolean", default: false },
  },
});
const [given] = positionals;
const interpreter = python();
if (given === undefined || interpreter === null) {
  console.error(interpreter === null ? "no python3 with torch: apt-get install python3-torch" : "name a folder");
  process.exit(2);
}
const folder = path.resolve(given);
fs.mkdirSync(folder, { recursive: true });
const at = (/** @type {string} */ name) => path.join(folder, name);
const adapter = values.adapter === undefined ? [] : ["--adapter", values.adapter];
const seeds = [0, 1, 2];

/** The recipes, with the numbers that this run has. */
const spec = at("fashion.cnx");
fs.writeFileSync(
  spec,
  fs
    .readFileSync(path.join(import.meta.dirname, "fashion.cnx"), "utf8")
    .replace("epochs     4", `epochs     ${values.epochs}`)
    .replace(/train finetune \{[\s\S]*/, recipe =>
      seeds.map(seed => recipe.replace("finetune {", `finetune_${seed} {\n  seed       ${seed}`)).join("\n"),
    ),
);

const firstOf = (/** @type {number} */ each) => (/** @type {Uint8Array} */ labels) => {
  const seen = new Array(10).fill(0);
  return [...labels.keys()].filter(i => seen[labels[i] ?? 0]++ < each);
};
await writeImages(at("train.safetensors"), "train", firstOf(Number(values.images) / 10));
await writeImages(at("labelled.safetensors"), "train", firstOf(100));
await writeImages(at("test.safetensors"), "t10k", labels => [...labels.keys()]);

const { oneRecipe } = await compiled("node/inputs/one-recipe.js");
const { openTensors } = await compiled("node/inputs/tensor-data.js");
const { asItIs } = await compiled("node/inputs/with-tensors.js");
const { openWeights, paramsOf } = await compiled("node/inputs/open-weights.js");
const { learnedBy } = await compiled("training/learned.js");
const { learningRate } = await compiled("training/learning-rate.js");
const { f32Tensor, writeSafetensors } = await compiled("weights/formats/safetensors.js");
const { randomWeights } = await compiled("weights/made/random.js");

const recipeOf = (/** @type {string} */ name) => {
  const found = oneRecipe({ spec, stdin: null, root: null, train: name, model: null });
  if (!found.ok) throw new Error(found.diagnostics[0].message);
  return found.value;
};

/** A file of weights that both begin from: drawn, or an encoder's with the rest drawn. */
const writeStart = async (
  /** @type {string} */ to,
  /** @type {string} */ name,
  /** @type {string | null} */ encoder,
) => {
  const { model, recipe } = recipeOf(name);
  const params = paramsOf(model).value;
  const head = randomWeights(recipe.seed, params, undefined, 0.02);
  const opened = encoder === null ? null : await openWeights(encoder, model, () => {}, { ...asItIs, head });
  if (opened?.ok === false) throw new Error(opened.diagnostics[0].message);
  const weights = opened?.value ?? head;
  const tensors = [];
  for (const param of params) {
    const data = await weights.f32(param.name);
    tensors.push(f32Tensor(param.name, param.shape, () => data));
  }
  const parts = [];
  for await (const bytes of writeSafetensors(tensors)) parts.push(bytes);
  fs.writeFileSync(to, Buffer.concat(parts));
  await opened?.value.close();
};

const describe = (/** @type {string} */ name, /** @type {number} */ batch) => {
  const { model, recipe } = recipeOf(name);
  const { height, width, channels } = model.input;
  const image = [batch, channels, height, width];
  const patches = model.head.kind === "fcmae" ? (height / model.head.patchSize) * (width / model.head.patchSize) : 0;
  return {
    ...networkOf(model),
    head: model.head.kind,
    input: image,
    inputs: [image, [batch, model.head.kind === "fcmae" ? patches : model.head.classes]],
    decays: learnedBy(recipe, model, paramsOf(model).value).map((/** @type {any} */ { name, weightDecay }) => [
      name,
      weightDecay,
    ]),
    betas: recipe.optimizer.betas,
    eps: recipe.optimizer.eps,
  };
};

/** Losses and final weights of ours. */
const ours = (
  /** @type {string} */ name,
  /** @type {string} */ data,
  /** @type {string} */ start,
  /** @type {string} */ run,
) => {
  const words = ["train", spec, "-t", name, "--data", at(data), "-w", at(start), "-o", at(run), ...adapter];
  const { status } = spawnSync(process.execPath, [path.join(root, "dist/node/cli.js"), ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error(`cnxc train ended with ${status}`);
  const lines = fs
    .readFileSync(at(`${run}/log.jsonl`), "utf8")
    .trim()
    .split("\n");
  const steps = fs.readdirSync(at(`${run}/checkpoints`)).map(step => Number(step.slice(5)));
  const losses = lines.map(line => JSON.parse(line)).filter(({ loss }) => loss !== undefined);
  return {
    losses: losses.map(({ loss }) => loss),
    end: at(`${run}/checkpoints/step-${Math.max(...steps)}/model.safetensors`),
  };
};

/** The same of PyTorch, fed with our batches. */
const torch = async (
  /** @type {string} */ name,
  /** @type {string} */ data,
  /** @type {string} */ start,
  /** @type {string} */ run,
) => {
  const { model, recipe } = recipeOf(name);
  const opened = (await openTensors(at(data), { model, recipe })).value;
  const end = at(`${run}-torch.safetensors`);
  fs.writeFileSync(at(`${run}.json`), JSON.stringify(describe(name, recipe.batch)));
  const child = spawn(
    interpreter,
    [path.join(import.meta.dirname, "torch_peer.py"), "train", at(`${run}.json`), at(start), end],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.setEncoding("utf8").on("data", more => (text += more));
  const ended = new Promise(resolve => child.on("close", resolve));
  for (let step = 0; step < opened.steps; step++) {
    const { schedule, optimizer } = recipe;
    const lr = learningRate(optimizer.lr, schedule, schedule.first + step / opened.stepsPerUnit);
    const inputs = (await opened.read(step, 0)).value;
    const [image, other] = [inputs.get("pixel_values"), inputs.get("mask") ?? inputs.get("targets")];
    for (const part of [Float32Array.of(lr), image.data, other.data])
      if (!child.stdin.write(Buffer.from(part.buffer, part.byteOffset, part.byteLength)))
        await new Promise(resolve => child.stdin.once("drain", resolve));
  }
  child.stdin.end();
  if ((await ended) !== 0) throw new Error("PyTorch ended with an error");
  await opened.close();
  return {
    losses: text
      .trim()
      .split("\n")
      .map(line => JSON.parse(line).loss),
    end,
  };
};

const judge = (/** @type {string} */ how, /** @type {string} */ weights, /** @type {readonly string[]} */ sets) => {
  fs.writeFileSync(at("clothes.json"), JSON.stringify(describe("finetune_0", 1)));
  const words = [path.join(import.meta.dirname, "torch_peer.py"), how, at("clothes.json"), weights, ...sets.map(at)];
  const { status, stdout, stderr } = spawnSync(interpreter, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).top1;
};

const mean = (/** @type {readonly number[]} */ list) => list.reduce((a, b) => a + b, 0) / list.length;
/** How far two curves are apart at the most, and their last tenths. */
const compare = (/** @type {readonly number[]} */ a, /** @type {readonly number[]} */ b) => {
  const apart = Math.max(...a.map((v, i) => Math.abs(v / (b[i] ?? Number.NaN) - 1)));
  const last = (/** @type {readonly number[]} */ list) => mean(list.slice(-Math.ceil(list.length / 10)));
  return { steps: a.length, apart, ours: last(a), torch: last(b) };
};

const lines = /** @type {string[]} */ ([]);
const say = (/** @type {string} */ line) => {
  lines.push(line);
  console.log(line);
};
const percent = (/** @type {number} */ part) => `${(100 * part).toFixed(2)} %`;

say(`${values.images} images, ${values.epochs} epochs of pre-training, 1,000 labels.`);
say("");
await writeStart(at("start.safetensors"), "pretrain", null);
const pretrained = {
  ours: ours("pretrain", "train.safetensors", "start.safetensors", "pretrain"),
  torch: await torch("pretrain", "train.safetensors", "start.safetensors", "pretrain"),
};
const curve = compare(pretrained.ours.losses, pretrained.torch.losses);
say(
  `pre-training, ${curve.steps} steps: last tenth ${curve.ours.toFixed(4)}, PyTorch ${curve.torch.toFixed(4)}; steps apart by ${curve.apart.toExponential(1)} at most`,
);

await writeStart(at("random.safetensors"), "finetune_0", null);
for (const [who, weights] of [
  ["ours", pretrained.ours.end],
  ["PyTorch", pretrained.torch.end],
  ["random weights", at("random.safetensors")],
])
  say(
    `linear probe, ${who}: ${percent(judge("probe", /** @type {string} */ (weights), ["train.safetensors", "test.safetensors"]))}`,
  );

for (const from of /** @type {const} */ (["pre-training", "scratch"])) {
  const found = { ours: /** @type {number[]} */ ([]), torch: /** @type {number[]} */ ([]) };
  for (const seed of seeds) {
    const [name, run] = [`finetune_${seed}`, `finetune-${from}-${seed}`];
    for (const [who, train] of /** @type {const} */ ([
      ["ours", ours],
      ["torch", torch],
    ])) {
      const start = `${run}-${who}-start.safetensors`;
      await writeStart(at(start), name, from === "scratch" ? null : pretrained[who].end);
      const { end } = await train(name, "labelled.safetensors", start, run);
      found[who].push(judge("test", end, ["test.safetensors"]));
    }
  }
  for (const who of /** @type {const} */ (["ours", "torch"]))
    say(`top-1 from ${from}, ${who}: ${found[who].map(percent).join(", ")}; mean ${percent(mean(found[who]))}`);
}
if (values.save)
  fs.writeFileSync(
    path.join(root, "bench/results/fashion.md"),
    `# node bench/fashion/run.mjs\n\n${lines.map(line => `- ${line.trim()}\n`).join("")}`,
  );
