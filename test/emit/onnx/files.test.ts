import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit } from "../../../src/compile.ts";
import { onnx, onnxModel, onnxTarget } from "../../../src/emit/onnx/onnx.ts";
import { onnxText } from "../../../src/emit/onnx/text.ts";
import { loadOnnxCodec, type OnnxModel } from "../../../src/emit/onnx-proto.ts";
import { type OnnxBytes, runOnnx } from "../../../src/node/executors/onnx.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel, model, mustBuild, testInput, testWeights } from "../../support/models.ts";
import { expectLogits } from "../../support/tolerance.ts";
import { bytesOf, type Compile, compiledBytes, contextOf, loweredGraph, onnxOutput } from "./compiled.ts";

const small = model({});
const graph = mustBuild(small);
const weights = testWeights(graph, 3);
const given: Compile = { model: small, graph, weights };
const { decodeModel, encodeModel } = await loadOnnxCodec();

const decoded = async (compile: Compile): Promise<OnnxModel> => decodeModel((await compiledBytes(compile)).model);
const graphOf = ({ graph }: OnnxModel) => {
  if (graph === null) throw new Error("a model without a graph");
  return graph;
};
const logits = async (bytes: OnnxBytes): Promise<Float32Array> => {
  const input = { shape: [2, 3, 32, 32], data: testInput(small, 2, 4) };
  const run = await runOnnx(bytes, new Map([["pixel_values", input]]), { threads: 1 });
  if (!run.ok) throw new Error(run.diagnostics[0]?.message);
  return run.value.outputs.get("logits")?.data ?? new Float32Array();
};

const masked = model({
  input: { height: 32, width: 48, channels: 3 },
  head: { kind: "fcmae", maskRatio: 0.6, patchSize: 8, decoder: { depth: 1, dim: 24 }, normPixLoss: true },
});
const maskedGraph = mustBuild(masked);

/** What onnx.checker looks at, and that everything has a name of ours. */
function expectStandard(model: OnnxModel, { graph, opset, sites }: Pick<Compile, "graph" | "opset" | "sites">) {
  expect([model.opset, model.irVersion]).toEqual([opset, opset === 20 ? 9 : 8]);
  const { nodes, inputs, outputs, initializers } = graphOf(model);
  const standard =
    /^(Add|Cast|Conv|CumSum|Div|Erf|Gather|GatherND|Gelu|Gemm|InstanceNormalization|LayerNormalization|LessOrEqual|MatMul|Mul|Pad|Reduce(Mean|Sum)|Reshape|Sqrt|Sub|Transpose|Where)$/;
  const defined = new Set([...inputs, ...initializers].map(({ name }) => name));
  expect(defined.size).toBe(inputs.length + initializers.length);
  for (const { name, op, inputs: read, outputs: made } of nodes) {
    expect(op).toMatch(standard);
    expect(name).toMatch(
      /^(downsample_layers|stages|norm|head|pool|pixel_values|mask|proj|decoder|pred|target|loss|loss_per_patch|encoded)\b/,
    );
    for (const tensor of read) expect(defined.has(tensor), `${name} reads ${tensor}`).toBe(true);
    for (const tensor of made) {
      expect(defined.has(tensor), `${tensor} is made twice`).toBe(false);
      defined.add(tensor);
    }
  }
  for (const { name } of outputs) expect(defined.has(name), name).toBe(true);
  expect(new Set(nodes.map(node => node.name)).size).toBe(nodes.length);
  const known = new Set([...graph.nodes.keys(), ...loweredGraph(graph, sites).nodes.keys()]);
  for (const { name } of initializers) {
    const id = name.replace(/\/(transposed|row|carrying-bias)$/, "");
    expect(name.startsWith("const/") || known.has(id), name).toBe(true);
  }
  expect(nodes.some(({ op }) => op === "Gelu")).toBe(opset === 20);
  return { inputs, outputs };
}

describe("the model file", () => {
  test("is the same, byte for byte, each time", async () => {
    const [first, second] = [await compiledBytes(given), await compiledBytes(given)];
    expect(Buffer.compare(first.model, second.model)).toBe(0);
  });

  test("streamed, it says what it says when encoded at once", async () => {
    const model = await decoded(given);
    expect(decodeModel(encodeModel(model))).toEqual(model);
    const { initializers } = graphOf(model);
    for (const { name, shape, dtype, data } of initializers)
      expect(data instanceof Uint8Array && data.length, name).toBe(
        shape.reduce((a, b) => a * b, { f32: 4, f16: 2, u8: 1, i64: 8, bool: 1 }[dtype]),
      );
  });

  test.each([17, 20] as const)("opset %i: version, names and standard operators", async opset => {
    const { inputs, outputs } = expectStandard(await decoded({ ...given, opset }), { graph, opset });
    expect(inputs).toEqual([{ name: "pixel_values", dtype: "f32", shape: ["batch", 3, 32, 32] }]);
    expect(outputs).toEqual([{ name: "logits", dtype: "f32", shape: ["batch", 10] }]);
  });

  test.each(([17, 20] as const).flatMap(opset => (["compact", "masked"] as const).map(sites => ({ opset, sites }))))(
    "the same of a masked autoencoder, opset $opset, $sites",
    async ({ opset, sites }) => {
      const compile = { model: masked, graph: maskedGraph, weights: testWeights(maskedGraph, 3), opset, sites };
      const { inputs, outputs } = expectStandard(await decoded(compile), compile);
      expect(inputs).toEqual([
        { name: "pixel_values", dtype: "f32", shape: ["batch", 3, 32, 48] },
        { name: "mask", dtype: "f32", shape: ["batch", 24] },
      ]);
      expect(outputs).toEqual([
        { name: "loss", dtype: "f32", shape: [1] },
        { name: "pred", dtype: "f32", shape: ["batch", 192, 4, 6] },
        { name: "encoded", dtype: "f32", shape: ["batch", 16, 4, 6] },
      ]);
    },
  );

  test("carries its origin and its preprocessing", async () => {
    const { producer, doc, metadata } = await decoded(given);
    expect(producer).toEqual({ name: "cnxc", version: "0.0.0" });
    expect(doc).toContain("depths 1,1, dims 8,16");
    const entries = new Map(metadata);
    expect(entries.get("cnxc.spec_sha256")).toBe("00".repeat(32));
    expect(entries.get("cnxc.variant")).toBe("model");
    expect(entries.get("cnxc.weights")).toBe("nondegenerate:3");
    expect(entries.get("cnxc.license")).toBe(
      "The graph is generated and carries no licence of its own. The weights in it keep theirs, which is not stated where they come from.",
    );
    expect(JSON.parse(entries.get("cnxc.preprocessing") ?? "")).toMatchObject({ do_rescale: true, resample: 3 });
  });

  test("speaks of the licence of the weights that are in it, and of no others", async () => {
    const said = async (weights: Compile["weights"]) => {
      const { metadata } = await decoded({ ...given, weights });
      return new Map(metadata).get("cnxc.license")?.replace(/^.*? own\. /, "");
    };
    expect(await said(null)).toBe("It holds no weights.");
    expect(await said({ ...weights, license: "apache-2.0" })).toBe(
      "The weights in it are under apache-2.0, as their file says.",
    );
  });

  test.each(
    ([17, 20] as const).flatMap(opset => ([given, { ...given, half: true }] as const).map(of => ({ opset, of }))),
  )("every value between inputs and outputs has its type and shape, opset $opset", async ({ opset, of }) => {
    for (const compile of [of, { model: masked, graph: maskedGraph, weights: testWeights(maskedGraph, 3) }]) {
      const { nodes, outputs, values } = graphOf(await decoded({ ...compile, opset }));
      const between = nodes.flatMap(node => node.outputs).filter(name => outputs.every(output => output.name !== name));
      expect(values.map(({ name }) => name)).toEqual(between);
      expect(values.filter(({ shape }) => shape.includes(null))).toEqual([]);
    }
  });

  test("of a masked autoencoder says what a mask is", async () => {
    const { doc, metadata } = await decoded({ model: masked, graph: maskedGraph, weights: null });
    expect(doc).toContain("mask [batch,24] float32, patches of 8 pixels row by row, 1 removed, 0 kept, 9 of 24 kept");
    const mask = new Map(metadata).get("cnxc.mask");
    expect(JSON.parse(mask ?? "")).toEqual({ patch_size: 8, rows: 4, columns: 6, keep: 9, norm_pix_loss: true });
    expect((await decoded(given)).metadata.map(([key]) => key)).not.toContain("cnxc.mask");
  });

  test("has a text form without weights in it", () => {
    const text = onnxText(onnxModel(loweredGraph(graph), contextOf({ ...given, weights: null })));
    expect(text).toMatch(/^onnx model \{ir: 9, opset: 20\}\ninput %pixel_values: f32\[batch,3,32,32\]\n/);
    expect(text).toContain("weight %stages.0.0.dwconv.weight: f32[8,1,7,7]\n");
    expect(text).toContain("%stages.0.0.act = Gelu(%stages.0.0.pwconv1)\n");
    expect(text.endsWith("output %logits: f32[batch,10]\n")).toBe(true);
  });
});

describe("external data", () => {
  test("holds the same weights, on pages of their own", async () => {
    const apart = await compiledBytes({ ...given, limit: 0 });
    const data = apart.data?.get("model.onnx_data") ?? new Uint8Array();
    let end = 0;
    for (const { name, data: place } of graphOf(decodeModel(apart.model)).initializers) {
      if (place === null || place instanceof Uint8Array) expect(name).toMatch(/^const\//);
      else {
        expect(place.offset % 4096, name).toBe(0);
        expect(place.offset, name).toBeGreaterThanOrEqual(end);
        end = place.offset + place.length;
      }
    }
    expect(data.length).toBe(end);
    expect(await logits(apart)).toEqual(await logits(await compiledBytes(given)));
  });

  test("is found beside the file on disk", async () => {
    const folder = newFolder();
    for (const file of onnxOutput({ ...given, limit: 0 })) {
      fs.mkdirSync(path.join(folder, path.dirname(file.path)), { recursive: true });
      fs.writeFileSync(path.join(folder, file.path), await bytesOf(file));
    }
    const input = { shape: [1, 3, 32, 32], data: testInput(small, 1, 4) };
    const run = await runOnnx({ file: path.join(folder, "onnx/model.onnx") }, new Map([["pixel_values", input]]));
    expect(run.ok && run.value.outputs.get("logits")?.shape).toEqual([1, 10]);
  });

  test("without weights, is named but not written", async () => {
    const bare = { ...given, weights: null };
    expect(onnxOutput(bare).map(file => file.path)).toEqual(["onnx/model.onnx"]);
    const { initializers } = graphOf(await decoded(bare));
    expect(initializers.filter(({ data }) => data !== null && "location" in data).length).toBe(18);
    const full = graphOf(await decoded({ ...given, limit: 0 }));
    expect(initializers).toEqual(full.initializers);
    const run = await runOnnx(await compiledBytes(bare), new Map());
    expect(run.ok ? "" : run.diagnostics[0]?.message).toMatch(/^ONNX Runtime cannot be used here: it does not load/);
  });

  /** Lengths alone: 2.6 GB need not be written to see where they would stand. */
  test("O01: is chosen by itself for huge, and within protobuf's limit", async () => {
    const huge = goldenModel(readGolden("dense/huge-224x224-b1"));
    const compile = { model: huge, graph: mustBuild(huge), weights: testWeights(graph, 1) };
    expect(onnxOutput(compile).map(file => file.path)).toEqual(["onnx/model.onnx", "onnx/model.onnx_data"]);
    const [file] = onnxOutput({ ...compile, weights: null });
    const { initializers } = graphOf(decodeModel(await bytesOf(file as never)));
    const total = initializers.reduce(
      (sum, { shape, dtype }) => (dtype === "f32" ? sum + shape.reduce((a, b) => a * b, 4) : sum),
      0,
    );
    expect(total).toBeGreaterThan(2 ** 31);
  });

  test("O02: asked to stay inside, huge is refused with its size, and in f16 fits", () => {
    const huge = goldenModel(readGolden("dense/huge-224x224-b1"));
    const lowering = {
      model: huge,
      batch: { min: 1, max: 1 },
      taps: [],
      context: contextOf({ ...given, weights: testWeights(graph, 1), inline: true }),
    };
    const wide = emit({ ...lowering, target: onnx });
    expect(wide.ok ? [] : wide.diagnostics.map(({ code, message }) => ({ code, message }))).toEqual([
      { code: "inline-too-large", message: expect.stringMatching(/2\.6\d GB.*--onnx-inline.*beside it/) },
    ]);
    const half = emit({ ...lowering, target: onnxTarget(true) });
    expect(half.ok && half.value.files.map(file => file.path)).toEqual(["onnx/model_fp16.onnx"]);
    const usual = { ...lowering, context: contextOf({ ...given, weights: testWeights(graph, 1) }) };
    const apart = emit({ ...usual, target: onnxTarget(true) });
    expect(apart.ok && apart.value.files.map(file => file.path)).toEqual([
      "onnx/model_fp16.onnx",
      "onnx/model_fp16.onnx_data",
    ]);
  });

  test.runIf(full)(
    "huge runs from disk, and is written a tensor at a time",
    async () => {
      const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/huge-224x224-b1");
      const folder = newFolder();
      const huge = goldenModel(golden);
      const before = process.memoryUsage.rss();
      let most = 0;
      for (const { path: name, contents } of onnxOutput({
        model: huge,
        graph: mustBuild(huge),
        weights: goldenWeights(golden),
      })) {
        const to = fs.openSync(path.join(folder, path.basename(name)), "w");
        for await (const part of contents as AsyncIterable<Uint8Array>) {
          for (let at = 0; at < part.length; ) at += fs.writeSync(to, part, at);
          most = Math.max(most, process.memoryUsage.rss() - before);
        }
        fs.closeSync(to);
      }
      expect(most).toBeLessThan(2_000_000_000);
      const run = await runOnnx({ file: path.join(folder, "model.onnx") }, inputOf(golden));
      if (!run.ok) throw new Error(run.diagnostics[0]?.message);
      expectLogits(run.value.outputs.get("logits")?.data ?? [], golden.logits.values);
    },
    1_200_000,
  );
});

const inputOf = (golden: Golden) => {
  const { shape, values } = goldenInput(golden);
  return new Map([["pixel_values", { shape, data: values }]]);
};

describe("the Hugging Face layout", () => {
  const parsed = async (compile: Compile, wanted: string) => {
    const file = onnxOutput({ ...compile, layout: "huggingface" }).find(file => file.path === wanted);
    return JSON.parse(new TextDecoder().decode(await bytesOf(file as never)));
  };

  test("has the files that transformers.js asks for", () => {
    const paths = onnxOutput({ ...given, layout: "huggingface" }).map(file => file.path);
    expect(paths).toEqual(["onnx/model.onnx", "config.json", "preprocessor_config.json"]);
  });

  test("config.json", async () => {
    const config = await parsed(given, "config.json");
    expect(config).toMatchObject({
      model_type: "convnextv2",
      architectures: ["ConvNextV2ForImageClassification"],
      depths: [1, 1],
      hidden_sizes: [8, 16],
      patch_size: 4,
      num_channels: 3,
      image_size: 32,
      hidden_act: "gelu",
      layer_norm_eps: 1e-6,
      "transformers.js_config": { dtype: "fp32" },
    });
    expect(Object.keys(config.id2label)).toHaveLength(10);
    expect(config.label2id.LABEL_9).toBe(9);
    const apart = await parsed({ ...given, limit: 0 }, "config.json");
    expect(apart["transformers.js_config"].use_external_data_format).toEqual({ "model.onnx": true });
  });

  test("a backbone and a V1 model", async () => {
    const features = model({ head: { kind: "features", levels: [1, 2], norm: true } });
    const config = await parsed({ model: features, graph: mustBuild(features), weights }, "config.json");
    expect(config).toMatchObject({ architectures: ["ConvNextV2Backbone"], out_features: ["stage1", "stage2"] });
    const first = model({ grn: "none", layerScale: 1e-6 });
    expect(await parsed({ model: first, graph: mustBuild(first), weights }, "config.json")).toMatchObject({
      model_type: "convnext",
      layer_scale_init_value: 1e-6,
    });
  });

  test("is refused for a masked autoencoder, which transformers has no class for", () => {
    const context = { ...contextOf({ model: masked, graph: maskedGraph, weights: null, layout: "huggingface" }) };
    const refused = emit({ model: masked, target: onnx, batch: { min: 1, max: 1 }, taps: [], context });
    expect(refused.diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ["no-such-class", expect.stringMatching(/no class for the fcmae head of model 'model'.*leave out --layout/)],
    ]);
    const plain = contextOf({ model: masked, graph: maskedGraph, weights: null });
    expect(emit({ model: masked, target: onnx, batch: { min: 1, max: 1 }, taps: [], context: plain }).ok).toBe(true);
  });

  test("preprocessor_config.json", async () => {
    const preprocessor = await parsed(given, "preprocessor_config.json");
    expect(preprocessor).toMatchObject({
      image_processor_type: "ConvNextImageProcessor",
      crop_pct: 0.875,
      resample: 3,
      size: { shortest_edge: 32 },
      do_resize: true,
      do_rescale: true,
      do_normalize: true,
      rescale_factor: 1 / 255,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    });
    const wide = model({ input: { height: 32, width: 64, channels: 1 } });
    const other = await parsed({ model: wide, graph: mustBuild(wide), weights }, "preprocessor_config.json");
    expect(other).toMatchObject({ size: { height: 32, width: 64 }, do_normalize: false });
    expect(other.crop_pct).toBeUndefined();
  });
});

test("the largest tensor is the most that is held", async () => {
  let most = 0;
  for (const file of onnxOutput(given))
    for await (const part of file.contents as AsyncIterable<Uint8Array>) {
      most = Math.max(most, part.length);
    }
  // stages.1.0.pwconv1 and .pwconv2: 16·64 floats; the message around them is larger than a toy's weights.
  expect(most).toBeLessThan(20_000);
});
