import { describe, expect, test } from "vitest";
import { emit } from "../src/compile.ts";
import { exitCodes } from "../src/diagnostics/exit-codes.ts";
import { messages } from "../src/diagnostics/messages.ts";
import { cudaTarget } from "../src/emit/cuda/target.ts";
import { floatTypes } from "../src/emit/onnx/float-types.ts";
import { onnxModel, onnxTarget } from "../src/emit/onnx/onnx.ts";
import { inMemoryContext, type OutputFile, type Target } from "../src/emit/target.ts";
import { wgslTarget } from "../src/emit/wgsl/target.ts";
import { build } from "../src/graph/build.ts";
import { elements } from "../src/graph/graph.ts";
import { type Batch, type Model, maxBatch, type StorageType, type TargetName } from "../src/model/model.ts";
import { storedBy } from "../src/model/select.ts";
import { foldingPasses } from "../src/passes/all.ts";
import { runPasses } from "../src/passes/pass.ts";
import { cnxc } from "./support/cli.ts";
import { fill, newFolder } from "./support/folders.ts";
import { full } from "./support/full.ts";
import { checkFiles, codesOf, filesOf, must } from "./syntax/support.ts";

/*
 * Every limit that a spec has, from both sides: what is just within becomes files or is refused by a sentence about a
 * limit of the target, what is just beyond is no model. Nothing else may come of either, whatever the target, its storage
 * and the head.
 */

/** What comes of a spec: files, or the code of the sentence that refuses it. */
type Outcomes = Readonly<Record<TargetName, string>>;
const all = (outcome: string): Outcomes => ({ wgsl: outcome, onnx: outcome, cuda: outcome });
const files = all("files");

interface Limit {
  readonly within: string;
  readonly beyond?: readonly [fields: string, code: string];
  readonly outcomes: Outcomes;
  readonly batch?: number;
  /** It takes minutes. */
  readonly long?: boolean;
}

const classifier = "head classifier {}";
const fcmae = (patch: number, more = "") => `head fcmae { patch_size ${patch} ${more} }`;
const large = (cuda = "cuda-elements-too-many"): Outcomes => ({ wgsl: "binding-too-large", onnx: "files", cuda });
const tiny = "depths [1] dims [4] input 32x32x3";
const vast = "depths [1] dims [4] stem patch 1 input 65536x65536x3";

const limits: Readonly<Record<string, Limit>> = {
  "one block of one channel": {
    within: "depths [1] dims [1] stem patch 1 input 1x1x1 mlp_ratio 1 kernel_size 1",
    beyond: ["depths [0] dims [1] stem patch 1 input 1x1x1 mlp_ratio 1 kernel_size 1", "out-of-range"],
    outcomes: files,
  },
  "one kept patch and one removed": {
    within: `depths [1] dims [1] stem patch 1 input 1x2x1 ${fcmae(1, "mask_ratio 0.5 decoder { dim 1 }")}`,
    beyond: [`depths [1] dims [1] stem patch 1 input 1x1x1 ${fcmae(1, "mask_ratio 0.5")}`, "kept-patches"],
    outcomes: files,
  },
  "8 stages": {
    within: "depths [1,1,1,1,1,1,1,1] dims [4,4,4,4,4,4,4,4] stem patch 1 input 128x128x3",
    beyond: ["depths [1,1,1,1,1,1,1,1,1] dims [4,4,4,4,4,4,4,4,4] stem patch 1 input 256x256x3", "list-length"],
    outcomes: files,
  },
  "8 stages of features": {
    within: "depths [1,1,1,1,1,1,1,1] dims [4,4,4,4,4,4,4,4] stem patch 1 input 128x128x3 head features { norm true }",
    outcomes: files,
  },
  "1024 blocks": {
    within: `depths [1024] dims [4] input 32x32x3 ${classifier}`,
    beyond: [`depths [1025] dims [4] input 32x32x3 ${classifier}`, "too-many-blocks"],
    outcomes: files,
    long: true,
  },
  "1024 blocks and as many of a decoder": {
    within: `depths [1024] dims [4] input 32x32x3 ${fcmae(8, "decoder { depth 1024 dim 4 }")}`,
    beyond: [`depths [1024] dims [4] input 32x32x3 ${fcmae(8, "decoder { depth 1025 dim 4 }")}`, "out-of-range"],
    outcomes: files,
    long: true,
  },
  "an image of 65536 by 65536, a site a pixel": {
    within: `${vast} ${classifier}`,
    beyond: ["depths [1] dims [4] stem patch 1 input 65537x65536x3", "out-of-range"],
    outcomes: large(),
  },
  "the same for features": { within: `${vast} head features { norm true }`, outcomes: large() },
  "the same, a patch a pixel": {
    within: `${vast} ${fcmae(1)}`,
    outcomes: { ...large(), onnx: "patches-too-many" },
  },
  "an image of 65536 by 65536, a site 16 pixels": {
    within: "depths [1] dims [4] input 65536x65536x3",
    outcomes: large(),
  },
  "an image of 65536 by 65536, a site 65536 pixels": {
    within: "depths [1] dims [4] stem patch 256 input 65536x65536x3 head features {}",
    beyond: ["depths [1] dims [4] stem patch 512 input 65536x65536x3", "out-of-range"],
    outcomes: large(),
  },
  "more sites than ones in an ONNX file, in a map that kernels hold": {
    within: "depths [1] dims [32] stem patch 1 input 1025x1024x1 grn per_batch",
    outcomes: { wgsl: "binding-too-large", onnx: "files", cuda: "files" },
  },
  "as many sites as ONNX counts patches": {
    within: `depths [1] dims [4] stem patch 1 input 65536x256x1 ${fcmae(1, "mask_ratio 0.5")}`,
    outcomes: { wgsl: "binding-too-large", onnx: "files", cuda: "grid-too-large" },
    long: true,
  },
  "one more column": {
    within: `depths [1] dims [4] stem patch 1 input 65536x257x1 ${fcmae(1, "mask_ratio 0.5")}`,
    outcomes: { wgsl: "binding-too-large", onnx: "patches-too-many", cuda: "grid-too-large" },
  },
  "65536 channels of an image": {
    within: `depths [1] dims [4] input 32x32x65536 ${classifier}`,
    beyond: [`depths [1] dims [4] input 32x32x65537 ${classifier}`, "out-of-range"],
    outcomes: large("cuda-shared-too-large"),
  },
  "3582 channels, which pool and normalise in one": {
    within: "depths [1] dims [3582] mlp_ratio 1 input 32x32x3",
    outcomes: files,
  },
  "4096 channels": { within: "depths [1] dims [4096] mlp_ratio 1 input 32x32x3", outcomes: files },
  "4096 channels, pooled": {
    within: "depths [1] dims [4096] mlp_ratio 1 input 32x32x3 head classifier { classes 0 }",
    outcomes: files,
  },
  "4096 channels of features": {
    within: "depths [1] dims [4096] mlp_ratio 1 input 32x32x3 head features { norm true }",
    outcomes: files,
  },
  "4096 channels, masked": {
    within: `depths [1] dims [4096] mlp_ratio 1 input 32x32x3 ${fcmae(4, "decoder { dim 4 }")}`,
    outcomes: files,
  },
  "16384 hidden values, over the batch": {
    within: "depths [1] dims [4096] input 32x32x3 grn per_batch",
    outcomes: large("files"),
  },
  "4G parameters": {
    within: "depths [1] dims [44000] mlp_ratio 1 kernel_size 1 input 4x4x3 head classifier { classes 0 }",
    beyond: ["depths [1] dims [45000] mlp_ratio 1 kernel_size 1 input 4x4x3", "too-many-parameters"],
    outcomes: large(),
  },
  "65536 channels": {
    within: "depths [1] dims [30000] mlp_ratio 1 input 32x32x3",
    beyond: ["depths [1] dims [65537] mlp_ratio 1 input 32x32x3", "out-of-range"],
    outcomes: large("files"),
  },
  "64 hidden values a channel": {
    within: "depths [1] dims [4] mlp_ratio 64 input 32x32x3",
    beyond: ["depths [1] dims [4] mlp_ratio 65 input 32x32x3", "out-of-range"],
    outcomes: files,
  },
  "the same of 5000 channels": {
    within: "depths [1] dims [5000] mlp_ratio 64 input 32x32x3 head classifier { classes 0 }",
    outcomes: large(),
  },
  "a kernel of 63": {
    within: "depths [1] dims [4] kernel_size 63 input 64x64x3",
    beyond: ["depths [1] dims [4] kernel_size 65 input 64x64x3", "out-of-range"],
    outcomes: files,
  },
  "a kernel of 63 on kept patches": {
    within: `depths [1] dims [4] kernel_size 63 input 64x64x3 ${fcmae(16)}`,
    outcomes: files,
  },
  "a patch of 256": {
    within: "depths [1] dims [4] stem patch 256 input 256x256x3",
    outcomes: { ...files, cuda: "cuda-shared-too-large" },
  },
  "a mask's patch of 65536": {
    within: `depths [1] dims [4] stem patch 256 input 32768x65536x1 ${fcmae(32768, "mask_ratio 0.5 decoder { dim 1 }")}`,
    beyond: [`depths [1] dims [4] stem patch 256 input 65536x65536x1 ${fcmae(131072)}`, "out-of-range"],
    outcomes: large(),
  },
  "a million classes": {
    within: `${tiny} head classifier { classes 1000000 }`,
    beyond: [`${tiny} head classifier { classes 1000001 }`, "out-of-range"],
    outcomes: files,
  },
  "a million classes of 2200 channels": {
    within: "depths [1] dims [2200] mlp_ratio 1 input 32x32x3 head classifier { classes 1000000 }",
    outcomes: large(),
  },
  "the least epsilon and layer scale": {
    within: `${tiny} norm_eps 1.1754943508222875e-38 layer_scale 1.1754943508222875e-38`,
    beyond: [`${tiny} norm_eps 1.1754943508222874e-38`, "out-of-range"],
    outcomes: files,
  },
  "the largest epsilon and layer scale": {
    within: `${tiny} norm_eps 3.4028234663852886e38 layer_scale 3.4028234663852886e38`,
    beyond: [`${tiny} norm_eps 3.402823466385289e38`, "out-of-range"],
    outcomes: files,
  },
  "a batch of what a device has in one dimension": {
    within: tiny,
    batch: maxBatch - 1,
    outcomes: large("files"),
  },
  "the largest batch": { within: tiny, batch: maxBatch, outcomes: large("grid-too-large") },
  "the largest batch of features": {
    within: `${tiny} head features {}`,
    batch: maxBatch,
    outcomes: large("grid-too-large"),
  },
  "the largest batch of masked images": {
    within: `${tiny} ${fcmae(4)}`,
    batch: maxBatch,
    outcomes: large("grid-too-large"),
  },
  "a batch over which GRN counts further than kernels do": {
    within: "depths [1] dims [1024] input 128x128x3 grn per_batch",
    batch: maxBatch - 1,
    outcomes: large(),
  },
};

const programOf = (fields: string) => checkFiles(filesOf({ "input.cnx": `model m { ${fields} }` }));
const modelOf = (fields: string): Model => must(programOf(fields)).models.get("m") as Model;

const targets: { readonly [K in TargetName]: (dtype: StorageType) => Target } = {
  wgsl: dtype => wgslTarget("gpu", dtype === "f16"),
  onnx: dtype => onnxTarget(dtype === "f16"),
  cuda: dtype => cudaTarget(dtype),
};

function folderOf(specs: Readonly<Record<string, string>>): string {
  const folder = newFolder();
  fill(folder, specs);
  return folder;
}

/** How long a file is, which must be read for that. */
async function lengthOf({ contents }: OutputFile): Promise<number> {
  if (typeof contents === "string" || contents instanceof Uint8Array) return contents.length;
  let length = 0;
  for await (const part of contents) length += part.length;
  return length;
}

async function outcomeOf(model: Model, target: Target, batch: Batch): Promise<string> {
  const unit = emit({ model, target, batch, taps: [], context: inMemoryContext });
  if (!unit.ok) {
    const [{ code }] = unit.diagnostics as unknown as [{ readonly code: keyof typeof messages }];
    expect([3, 5]).toContain(exitCodes[messages[code].kind]);
    return code;
  }
  for (const file of unit.value.files) expect(await lengthOf(file)).toBeLessThan(2 ** 28);
  return "files";
}

const names = Object.keys(limits).filter(name => full || !limits[name]?.long);

describe.each(names)("%s", name => {
  const { within, beyond, outcomes, batch = 1 } = limits[name] as Limit;
  const cases = (Object.keys(outcomes) as TargetName[]).flatMap(target =>
    storedBy[target].map(dtype => [target, dtype] as const),
  );
  test.each(cases)("for %s in %s", async (target, dtype) => {
    const made = await outcomeOf(modelOf(within), targets[target](dtype), { min: 1, max: batch });
    expect(made).toBe(outcomes[target]);
  });

  test.runIf(beyond)("and no further", () => {
    const [fields, code] = beyond ?? ["", ""];
    expect([...new Set(codesOf(programOf(fields)))]).toEqual([code]);
  });
});

test("S89: no constant of an ONNX graph grows with a map beyond 4 MiB, and none beyond its parameter", () => {
  const model = modelOf("depths [1, 1] dims [64, 8] stem patch 1 mlp_ratio 64 input 2048x2048x1");
  const built = runPasses(must(build(model)), foldingPasses);
  // In f16 no weight carries its bias, so that every linear layer has one of its own.
  const { initializers } = onnxModel(built, { ...inMemoryContext, model }, floatTypes).graph;
  const parameters = [...built.nodes.values()].flatMap(({ op, type }) => (op === "param" ? [elements(type)] : []));
  const largest = Math.max(...parameters);
  expect(initializers.length).toBeGreaterThan(20);
  for (const { name, shape } of initializers)
    expect({ name, fits: shape.reduce((a, b) => a * b, 1) <= Math.max(largest, 2 ** 20) }).toEqual({
      name,
      fits: true,
    });
});

describe("the commands at the limits", () => {
  const specs = {
    "vast.cnx": `model m { ${vast} }\n`,
    "masked.cnx": `model m { ${vast} ${fcmae(1)} }\n`,
    "wide.cnx": "model m {\n  depths    [1]\n  dims      [44000]\n  mlp_ratio 1\n  input     32x32x3\n}\n",
    "sweep.cnx": `model m { ${vast} }\nsweep s extends m { dims[0] in [4, 65536] }\n`,
  };
  const commands = [
    ["check"],
    ["fmt", "--check"],
    ["info"],
    ["info", "-t", "cuda", "--dtype", "bf16", "--batch", `${maxBatch}`],
    ["inspect"],
    ["inspect", "-t", "cuda", "--dtype", "f16"],
    ["compile", "--emit", "model"],
    ["compile", "--emit", "graph"],
    ["compile", "--emit", "plan"],
    ["compile", "--emit", "files", "--explain", "-t", "onnx", "--layout", "huggingface"],
    ["compile", "--print-after", "all", "--emit", "files", "-t", "onnx", "--dtype", "f16", "--preprocess"],
  ];
  test.each(Object.keys(specs).flatMap(spec => commands.map(words => [words.join(" "), spec] as const)))(
    "cnxc %s %s",
    async (words, spec) => {
      const { code } = await cnxc([...words.split(" "), spec], { cwd: folderOf(specs) });
      expect([0, 1, 2, 3, 5]).toContain(code);
    },
  );
  test.each(["m3-max", "h200"])("cnxc explore on %s", async device => {
    const { code } = await cnxc(["explore", "sweep.cnx", "--device", device], { cwd: folderOf(specs) });
    expect([0, 3, 5]).toContain(code);
  });
});
