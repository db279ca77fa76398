import { describe, expect, test } from "vitest";
import { importJson } from "../../src/import/config.ts";
import type { Draft, Imported, Json } from "../../src/import/draft.ts";
import { importTimm } from "../../src/import/timm.ts";
import { importTimmConfig } from "../../src/import/timm-config.ts";
import { classifierOf } from "../../src/model/model.ts";
import { specOf, told, usual, value } from "./support.ts";

describe("a name of timm", () => {
  test.each<[string, Partial<Draft>]>([
    ["convnextv2_atto", { name: "convnextv2_atto", grn: "per_sample", head: classifierOf(1000) }],
    [
      "convnextv2_huge.fcmae_ft_in22k_in1k_512",
      { name: "convnextv2_huge_512", input: { height: 512, width: 512, channels: 3 } },
    ],
    ["convnextv2_nano.fcmae", { head: { kind: "features", levels: [1, 2, 3, 4], norm: false } }],
    ["convnext_tiny.fb_in22k", { grn: "none", layerScale: 1e-6, head: classifierOf(21841) }],
    ["convnext_tiny.in12k_ft_in1k_384", { input: { height: 384, width: 384, channels: 3 }, head: classifierOf(1000) }],
  ])("%s", (name, expected) => {
    const result = importTimm(name, usual);
    expect(value(result).draft).toMatchObject(expected);
    specOf(result);
  });

  test("of features, and under another name", () => {
    expect(value(importTimm("convnextv2_tiny.fcmae_ft_in1k", { name: "maps", features: true })).draft).toMatchObject({
      name: "maps",
      head: { kind: "features", levels: [1, 2, 3, 4], norm: false },
    });
  });

  test("that is none", () => {
    expect(told(importTimm("convnextv2_tini", usual))).toEqual([
      "import-unknown-model: timm's 'convnextv2_tini' is not known, did you mean 'convnextv2_tiny'?",
    ]);
    expect(told(importTimm("convnextv2_tiny.laion", usual))[0]).toMatch(
      /^import-unknown-tag: of the weights 'laion' of timm's 'convnextv2_tiny' nothing is known/,
    );
  });

  test("as timm pushes it to a hub", () => {
    const config = { architecture: "convnextv2_atto", num_classes: 10, pretrained_cfg: { input_size: [1, 96, 128] } };
    expect(value(importTimmConfig(config, "config.json", usual)).draft).toMatchObject({
      name: "convnextv2_atto",
      input: { height: 96, width: 128, channels: 1 },
      head: classifierOf(10),
    });
    expect(told(importTimmConfig({ ...config, num_classes: "ten" }, "config.json", usual))).toEqual([
      `import-field: 'num_classes' is "ten", but must be a number from 0`,
    ]);
  });
});

describe("a config that timm has pushed to a hub", () => {
  const read = (config: Json): Imported => value(importJson({ json: config, file: "config.json" }, null, usual));
  /** As timm writes it for its own weights. */
  const published = {
    architecture: "convnextv2_tiny",
    num_classes: 1000,
    num_features: 768,
    global_pool: "avg",
    pretrained_cfg: {
      tag: "fcmae_ft_in22k_in1k_384",
      custom_load: false,
      input_size: [3, 384, 384],
      fixed_input_size: false,
      interpolation: "bicubic",
      crop_pct: 1,
      crop_mode: "squash",
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      num_classes: 1000,
      pool_size: [12, 12],
      first_conv: "stem.0",
      classifier: "head.fc",
      license: "cc-by-nc-4.0",
    },
  };

  test("of published weights has nothing to tell, in the form of old versions and inside of transformers too", () => {
    const { pretrained_cfg: weights, ...network } = published;
    const wrapped = {
      ...published,
      architectures: ["TimmWrapperForImageClassification"],
      model_type: "timm_wrapper",
      do_pooling: true,
      initializer_range: 0.02,
      problem_type: null,
      torch_dtype: "float32",
      transformers_version: "4.50.0",
    };
    const expected = read(published);
    expect(expected.notes).toEqual([]);
    expect(expected.draft.input).toEqual({ height: 384, width: 384, channels: 3 });
    for (const config of [{ ...weights, ...network }, wrapped]) expect(read(config)).toEqual(expected);
  });

  test.each<[string, Json, Partial<Draft>]>([
    [
      "all arguments that a spec can say",
      {
        model_args: {
          in_chans: 12,
          num_classes: 7,
          depths: [1, 2, 1],
          dims: [8, 16, 24],
          kernel_sizes: [3, 5, 7],
          patch_size: 2,
          ls_init_value: 0.1,
          act_layer: "swish",
          conv_bias: false,
          norm_eps: 1e-3,
        },
      },
      {
        input: { height: 384, width: 384, channels: 12 },
        stem: { patch: 2 },
        stages: [
          { depth: 1, dim: 8, kernel: 3 },
          { depth: 2, dim: 16, kernel: 5 },
          { depth: 1, dim: 24, kernel: 7 },
        ],
        activation: "silu",
        convBias: false,
        normEps: 1e-3,
        grn: "per_sample",
        layerScale: 0.1,
        head: classifierOf(7),
      },
    ],
    ["no GRN", { model_args: { use_grn: false } }, { grn: "none", layerScale: null }],
    ["V1's layer scale", { architecture: "convnext_tiny" }, { grn: "none", layerScale: 1e-6 }],
    ["none of it", { architecture: "convnext_tiny", model_args: { ls_init_value: null } }, { layerScale: null }],
    [
      "GRN in V1, with 1x1 convolutions",
      { architecture: "convnext_tiny", model_args: { use_grn: true, conv_mlp: true } },
      { grn: "per_sample", layerScale: 1e-6 },
    ],
    ["an encoder", { num_classes: 0 }, { head: { kind: "features", levels: [1, 2, 3, 4], norm: false } }],
    [
      "an argument of no classes",
      { model_args: { num_classes: 0 } },
      { head: { kind: "features", levels: [1, 2, 3, 4], norm: false } },
    ],
    ["the weights' classes where nothing else is said", { num_classes: null }, { head: classifierOf(1000) }],
  ])("%s", (_, change, expected) => {
    const config = { ...published, ...change };
    expect(read(config).draft).toMatchObject(expected);
    specOf(importJson({ json: config, file: "config.json" }, null, usual));
  });

  test("with maps that are not as small as the strides would make them", () => {
    const features = { name: null, features: true };
    const config = { ...published, model_args: { output_stride: 16 } };
    const { draft } = value(importJson({ json: config, file: "config.json" }, null, features));
    expect(draft.head).toEqual({ kind: "features", levels: [1, 2, 3, 4], norm: false, outputStride: 16 });
    expect(specOf(importJson({ json: config, file: "config.json" }, null, features))).toContain("output_stride 16");
    expect(read({ ...published, model_args: { output_stride: 32 } }).draft.head.kind).toBe("classifier");
  });

  test("with other heads and stems", () => {
    const of = (model_args: Json) => read({ ...published, architecture: "convnext_tiny", model_args }).draft;
    expect(of({ head_hidden_size: 96 }).head).toEqual({ ...classifierOf(1000), hiddenSize: 96 });
    expect(of({ head_norm_first: true }).head).toEqual({ ...classifierOf(1000), normFirst: true });
    expect(of({ stem_type: "overlap_act", patch_size: 2 }).stem).toEqual({ patch: 4, overlap: "overlap_act" });
    expect(read({ architecture: "convnext_large_mlp", model_args: { head_hidden_size: null } }).draft.head).toEqual({
      ...classifierOf(1000),
    });
  });
});
