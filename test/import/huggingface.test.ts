import { describe, expect, test } from "vitest";
import { fileNames, huggingfaceFiles } from "../../src/emit/onnx/huggingface.ts";
import type { Draft, Json } from "../../src/import/draft.ts";
import { importConfig } from "../../src/import/huggingface.ts";
import { activations, classifierOf, type Model } from "../../src/model/model.ts";
import { again, bare, modelOf, sizes, spec, specOf, tiny, told, usual, value } from "./support.ts";

const configOf = (model: Model): Json => {
  const file = huggingfaceFiles(model, fileNames.f32, false).find(({ path }) => path === "config.json");
  return JSON.parse(`${file?.contents}`) as Json;
};

describe("a config of transformers", () => {
  test.each(sizes)("%s as compile writes it is the same model again", (name, fields) => {
    const model = modelOf(spec(fields, name));
    expect(again(importConfig(configOf(model), "config.json", usual))).toEqual(bare(model));
  });

  test.each([
    "input 64x64x1",
    "input 64x96x3",
    "stem patch 2",
    ...activations.map(activation => `activation ${activation}`),
    "norm_eps 1e-5",
    "head classifier { classes 0 }",
    "head classifier { classes 21841 }",
    "head features { levels [1, 3] norm true }",
    "head features { levels [3] norm true }",
    "grn none\nlayer_scale 1e-6",
    "grn none\nlayer_scale 0.1",
    "grn none",
  ])("%s, there and back", field => {
    const model = modelOf(spec(`${tiny}\n${field}`));
    expect(again(importConfig(configOf(model), "config.json", usual))).toEqual(bare(model));
  });

  /** As facebook/convnextv2-tiny-22k-384 has it, in short. */
  const config = {
    architectures: ["ConvNextV2ForImageClassification"],
    depths: [3, 3, 9, 3],
    hidden_act: "gelu",
    hidden_sizes: [96, 192, 384, 768],
    id2label: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${i}`, `label ${i}`])),
    image_size: 384,
    layer_norm_eps: 1e-12,
    model_type: "convnextv2",
    num_channels: 3,
    num_stages: 4,
    out_features: ["stage4"],
    patch_size: 4,
  };
  const imported = (change: Json) => importConfig({ ...config, ...change }, "config.json", usual);

  test("of a published model", () => {
    const labels = Array.from({ length: 1000 }, (_, i) => `"label ${i}",`).join(" ");
    expect(
      specOf(imported({})).replace(/\[\n\s+("label[^\]]*)/, (_, list) => `[${list.trim().replace(/\s+/g, " ")}`),
    ).toBe(`// Test.
model tiny {
  depths [3, 3, 9, 3]
  dims   [96, 192, 384, 768]
  input  384x384x3
  head   classifier {
    classes 1000
    labels  [${labels}]
  }
}
`);
    expect(value(imported({})).notes).toEqual([expect.stringContaining("layer_norm_eps 1e-12")]);
  });

  test.each<[string, Json, Partial<Draft>]>([
    [
      "a backbone",
      { architectures: ["ConvNextV2Backbone"], out_features: ["stage2", "stage4"] },
      { head: { kind: "features", levels: [2, 4], norm: true } },
    ],
    [
      "a backbone by indices",
      { architectures: ["ConvNextV2Backbone"], out_features: null, out_indices: [1, -1] },
      { head: { kind: "features", levels: [1, 4], norm: true } },
    ],
    ["the bare model", { architectures: ["ConvNextV2Model"] }, { head: classifierOf(0) }],
    ["labels by number", { id2label: undefined, num_labels: 7 }, { head: classifierOf(7) }],
    ["labels nowhere", { id2label: undefined }, { head: classifierOf(2) }],
    [
      "V1",
      { model_type: "convnext", architectures: ["ConvNextForImageClassification"] },
      { grn: "none", layerScale: 1e-6 },
    ],
    [
      "V1 without layer scale",
      { model_type: "convnext", layer_scale_init_value: 0 },
      { grn: "none", layerScale: null },
    ],
    [
      "DINOv3's, V1 without a head whose eps is that of all LayerNorms",
      {
        model_type: "dinov3_convnext",
        architectures: ["DINOv3ConvNextModel"],
        layer_norm_eps: 1e-5,
        id2label: undefined,
      },
      { grn: "none", layerScale: 1e-6, normEps: 1e-5, head: classifierOf(0) },
    ],
    ["labels that are no text", { id2label: { 0: { toString: 1 }, 1: [] } }, { head: classifierOf(2) }],
    ["an epsilon", { layer_norm_eps: 1e-5 }, { normEps: 1e-5 }],
    [
      "defaults of the class",
      { depths: null, hidden_sizes: undefined, image_size: undefined },
      { input: { height: 224, width: 224, channels: 3 } },
    ],
  ])("%s", (_, change, expected) => {
    const result = imported(change);
    expect(value(result).draft).toMatchObject(expected);
    specOf(result);
  });

  test.each<[string, Json]>([
    ["model_type", { model_type: "resnet" }],
    ["hidden_act", { hidden_act: "quick_gelu" }],
    ["depths", { depths: [3, 3.5] }],
    ["depths", { depths: "3" }],
    ["hidden_sizes", { hidden_sizes: [96, 192] }],
    ["num_stages", { num_stages: 3 }],
    ["image_size", { image_size: { height: 3 } }],
    ["patch_size", { patch_size: 0 }],
    ["layer_norm_eps", { layer_norm_eps: 0 }],
    ["architectures", { architectures: ["ConvNextV2ForMaskedImageModeling"] }],
    ["architectures", { model_type: "dinov3_convnext", architectures: ["DINOv3ConvNextForImageClassification"] }],
    ["out_features", { architectures: ["ConvNextV2Backbone"], out_features: ["stem", "stage1"] }],
    ["out_indices", { architectures: ["ConvNextV2Backbone"], out_features: null, out_indices: [0] }],
    ["out_indices", { architectures: ["ConvNextV2Backbone"], out_features: null, out_indices: [{ toString: 1 }] }],
  ])("%s that cnxc cannot express", (field, change) => {
    expect(told(imported(change))).toEqual([
      expect.stringMatching(new RegExp(`^import-field: '${field}' is .*, but must be `)),
    ]);
  });
});

describe("a config of transformers that holds a ConvNeXt", () => {
  const backbone = {
    model_type: "convnextv2",
    depths: [1, 1, 2, 1],
    hidden_sizes: [8, 16, 24, 40],
    image_size: 64,
    layer_norm_eps: 1e-6,
    out_features: ["stage2", "stage4"],
  };
  const upernet = { model_type: "upernet", architectures: ["UperNetForSemanticSegmentation"], hidden_size: 512 };

  test("in backbone_config is read as a backbone, and says that it is a part", () => {
    const result = importConfig({ ...upernet, backbone_config: backbone }, "config.json", usual);
    expect(value(result)).toMatchObject({
      draft: {
        name: "model",
        input: { height: 64, width: 64, channels: 3 },
        head: { kind: "features", levels: [2, 4], norm: true },
      },
      notes: [
        '"upernet" holds a ConvNeXt in backbone_config, and that alone is read: what comes after it, labels too, is no part of the spec',
      ],
    });
    specOf(result);
  });

  test("tells what is strange in it, and where", () => {
    const strange = { ...upernet, backbone_config: { ...backbone, odd: 1 } };
    expect(value(importConfig(strange, "config.json", usual)).notes[1]).toBe(
      "the backbone_config of config.json has fields that cnxc does not know, and leaves out: 'odd'",
    );
    const broken = { ...upernet, backbone_config: { ...backbone, depths: "3" } };
    expect(told(importConfig(broken, "config.json", usual))).toEqual([
      `import-field: 'depths' is "3", but must be a list of numbers from 1`,
    ]);
  });

  test.each<[string, Json]>([
    ["another backbone", { backbone_config: { model_type: "swin" } }],
    ["a list", { backbone_config: [backbone] }],
    ["none", {}],
  ])("%s is no model that is read", (_, change) => {
    expect(told(importConfig({ ...upernet, ...change }, "config.json", usual))).toEqual([
      `import-field: 'model_type' is "upernet", but must be convnextv2, convnext, dinov3_convnext, or that of a backbone_config`,
    ]);
  });
});
