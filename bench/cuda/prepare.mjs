// @ts-check
// npm run bench -- cuda --prepare DIR: everything that bench/cuda/run.sh needs on a machine without Node: the generated
// sources of each build, the cost of each launch, and the golden files in a form that C++ reads.
import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const { lower } = await compiled("compile.js");
const { cudaTarget } = await compiled("emit/cuda/cuda.js");
const { cudaProgram, launchCost } = await compiled("emit/cuda/program.js");
const { loadProgram } = await compiled("node/program.js");
const { version } = await compiled("node/version.js");

/** @type {readonly { name: string; choices: Choices }[]} */
const candidates = [
  { name: "w32", choices: { warpRows: 32, step: 32, depthwiseRows: 7 } },
  { name: "k64", choices: { warpRows: 64, step: 64, depthwiseRows: 4 } },
];
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
  // f32 on tensor cores.
  { golden: "micro-64x64-b2", dtype: "f32", min: 1, max: 4, times: [], name: "tf32", choices: { tf32: true } },
  ...["atto-224x224-b1", "tiny-224x224-b1", "base-224x224-b1"].map(golden => ({
    golden,
    dtype: /** @type {const} */ ("f32"),
    min: 1,
    max: 256,
    times: [32, 256],
    name: "tf32",
    choices: { tf32: true },
  })),
  // Other choices, to be compared on the machine at hand.
  ...["atto-224x224-b1", "tiny-224x224-b1", "base-224x224-b1"].flatMap(golden =>
    candidates.map(({ name, choices }) => ({
      golden,
      dtype: /** @type {const} */ ("bf16"),
      min: 1,
      max: 256,
      times: [256],
      name,
      choices,
    })),
  ),
];
/** Golden files of the same model, checked by the same build. @type {Readonly<Record<string, readonly string[]>>} */
const alike = {
  "micro-64x64-b2": ["micro-64x64-b2", "micro-eps-64x64-b2", "micro-tails-64x64-b2", "micro-offset-64x64-b2"],
  "atto-224x224-b1": ["atto-224x224-b1", "atto-224x224-b3"],
};

/** @typedef {Partial<import("../../src/emit/cuda/kernels/shared.ts").CudaChoices>} Choices */
/** @typedef {{ golden: string; dtype: "f32" | "f16" | "bf16"; min: number; max: number; times: readonly number[]; name?: string; choices?: Choices }} Build */

/** @param {string} folder */
export const prepare = folder => {
  fs.mkdirSync(path.join(folder, "golden"), { recursive: true });
  const rows = builds.map(build => prepareBuild(folder, build));
  fs.writeFileSync(path.join(folder, "builds.txt"), rows.join(""));
  for (const file of ["run.sh", "driver.cu", "table.py", "convnextv2.py", "torch_bench.py", "figures.json"])
    fs.copyFileSync(path.join(import.meta.dirname, file), path.join(folder, file));
};

const readGolden = (/** @type {string} */ name) =>
  JSON.parse(fs.readFileSync(path.join(root, "test/golden/dense", `${name}.json`), "utf8"));

/** One line of builds.txt: name, prefix, golden files, batches to time. */
const prepareBuild = (
  /** @type {string} */ folder,
  /** @type {Build} */ { golden, dtype, min, max, times, name, choices },
) => {
  const [size = "", ...rest] = golden.split("-");
  const label = [size, ...(size === "micro" ? rest : []), dtype, `b${max}`, ...(name === undefined ? [] : [name])].join(
    "-",
  );
  const model = modelOf(golden);
  const context = {
    weights: null,
    specHash: "",
    specName: `${size}.cnx`,
    version,
    onnx: { opset: 20, layout: "plain" },
  };
  const unit = lower({ model, target: cudaTarget(dtype, choices), batch: { min, max }, taps: [], context });
  if (!unit.ok) throw new Error(`${golden} does not compile`);
  const sources = path.join(folder, "builds", label);
  fs.mkdirSync(sources, { recursive: true });
  for (const { path: at, contents } of unit.value.files)
    fs.writeFileSync(path.join(sources, path.basename(at)), String(contents));
  const program = cudaProgram(unit.value.plan, dtype, choices);
  const costs = program.launches.map((/** @type {{ name: string; kernel: number }} */ launch) => {
    const { unit, flops, fixed, each } = launchCost(program, launch);
    const kind = program.kernels[launch.kernel].kernel.template.replace("cuda/", "");
    return `${launch.name} ${kind} ${unit} ${flops} ${fixed} ${each}\n`;
  });
  fs.writeFileSync(path.join(sources, "launches.txt"), costs.join(""));
  const checked = (alike[golden] ?? [golden]).filter(name => readGolden(name).input.shape[0] <= max);
  for (const name of checked) writeGolden(folder, name);
  return `${label} ${model.name} ${checked.join(",")} ${times.join(",") || "-"}\n`;
};

/** The model of a golden file; published sizes come from the specs. */
const modelOf = (/** @type {string} */ golden) => {
  const [size = ""] = golden.split("-");
  const { spec, input } = readGolden(golden);
  const [, , height, width] = input.shape;
  const file = size === "micro" ? "micro.cnx" : "convnextv2.cnx";
  const loaded = loadProgram(path.join(root, "specs", file), null);
  if (!loaded.ok) throw new Error(`specs/${file} is wrong`);
  const model = loaded.value.program.models.get(size);
  return {
    ...model,
    input: { ...model.input, height, width, channels: spec.in_chans },
    head: { kind: "classifier", classes: spec.num_classes },
  };
};

const writeGolden = (/** @type {string} */ folder, /** @type {string} */ name) => {
  const { seed, input, params, logits } = readGolden(name);
  const [batch, ...image] = input.shape;
  const size = image.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
  const lines = [
    `golden ${name}`,
    `seed ${seed}`,
    `batch ${batch}`,
    `image ${size}`,
    `input ${input.mean} ${input.halfwidth}`,
    ...params.map(
      (/** @type {[string, number[], number, number]} */ [key, , mean, width]) => `param ${key} ${mean} ${width}`,
    ),
    `logits ${logits.values.length}`,
    logits.values.join("\n"),
  ];
  fs.writeFileSync(path.join(folder, "golden", `${name}.txt`), `${lines.join("\n")}\n`);
};
