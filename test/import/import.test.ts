import { describe, expect, test } from "vitest";
import type { Result } from "../../src/diagnostics/diagnostic.ts";
import { published } from "../../src/embedded/published.ts";
import { fileNames, huggingfaceFiles } from "../../src/emit/onnx/huggingface.ts";
import { importCheckpoint } from "../../src/import/checkpoint.ts";
import { importJson } from "../../src/import/config.ts";
import type { Draft, Imported, ImportOptions, Json } from "../../src/import/draft.ts";
import { hubId } from "../../src/import/hub.ts";
import { importConfig } from "../../src/import/huggingface.ts";
import { printDraft } from "../../src/import/print-draft.ts";
import { importTimm } from "../../src/import/timm.ts";
import { importTimmConfig } from "../../src/import/timm-config.ts";
import { activations, type Model } from "../../src/model/model.ts";
import { paramsOf } from "../../src/node/inputs/open-weights.ts";
import { formatSpec } from "../../src/syntax/format.ts";
import type { dialects } from "../../src/weights/names/names.ts";
import { convertWeights } from "../../src/weights/use/convert.ts";
import { fileOf } from "../support/tensor-file.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

const usual = { name: null, features: false };
const value = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.value;
};
const told = (result: Result<unknown>): readonly string[] =>
  result.diagnostics.map(({ code, message }) => `${code}: ${message}`);

/** What the compiler makes of a spec's only model, without the places where it was written. */
function modelOf(spec: string): Model {
  const program = must(checkFiles(filesOf({ "input.cnx": spec })));
  const [model] = [...program.models.values()];
  if (model === undefined) throw new Error("no model");
  return model;
}
const bare = (model: Model): unknown =>
  JSON.parse(JSON.stringify(model, (key, value) => (key === "span" ? undefined : value)));

/** The spec of what was imported: laid out in the one way, and right. */
function specOf(imported: Result<Imported>): string {
  const text = value(printDraft(value(imported).draft, "Test."));
  expect(value(formatSpec({ name: "input.cnx", text }))).toBe(text);
  return text;
}
const again = (imported: Result<Imported>) => bare(modelOf(specOf(imported)));

const configOf = (model: Model): Json => {
  const file = huggingfaceFiles(model, fileNames.f32, false).find(({ path }) => path === "config.json");
  return JSON.parse(`${file?.contents}`) as Json;
};

const spec = (fields: string, name = "model") => `model ${name} {\n${fields}\n}\n`;
const sizes = published.map(
  ({ name, depths, dims }) => [name, `depths [${depths.join(", ")}]\ndims [${dims.join(", ")}]`] as const,
);
const tiny = "depths [1, 2, 1]\ndims [8, 16, 24]";

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
    expect(specOf(imported({}))).toBe(`// Test.
model tiny {
  depths [3, 3, 9, 3]
  dims   [96, 192, 384, 768]
  input  384x384x3
}
`);
    expect(value(imported({})).notes).toEqual([
      expect.stringContaining("layer_norm_eps 1e-12"),
      'a spec holds no labels, so those of id2label ("label 0", "label 1", "label 2", …) are left out: cnxc classify takes them by --labels',
    ]);
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
    ["the bare model", { architectures: ["ConvNextV2Model"] }, { head: { kind: "classifier", classes: 0 } }],
    ["labels by number", { id2label: undefined, num_labels: 7 }, { head: { kind: "classifier", classes: 7 } }],
    ["labels nowhere", { id2label: undefined }, { head: { kind: "classifier", classes: 2 } }],
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
      "labels that are no text",
      { id2label: { 0: { toString: 1 }, 1: [] } },
      { head: { kind: "classifier", classes: 2 } },
    ],
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
    ["hidden_act", { hidden_act: "relu" }],
    ["depths", { depths: [3, 3.5] }],
    ["depths", { depths: "3" }],
    ["hidden_sizes", { hidden_sizes: [96, 192] }],
    ["num_stages", { num_stages: 3 }],
    ["image_size", { image_size: { height: 3 } }],
    ["patch_size", { patch_size: 0 }],
    ["layer_norm_eps", { layer_norm_eps: 0 }],
    ["architectures", { architectures: ["ConvNextV2ForMaskedImageModeling"] }],
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
      `import-field: 'model_type' is "upernet", but must be convnextv2 or convnext, or that of a backbone_config`,
    ]);
  });
});

describe("a config of OpenMMLab as JSON", () => {
  const read = (json: Json, options: ImportOptions = usual) => importJson({ json, file: "c.json" }, null, options);
  const segmenter = {
    type: "EncoderDecoder",
    backbone: {
      type: "ConvNeXt",
      in_chans: 3,
      depths: [3, 3, 27, 3],
      dims: [96, 192, 384, 768],
      drop_path_rate: 0.3,
      layer_scale_init_value: 1,
      out_indices: [0, 1, 2, 3],
    },
    decode_head: { type: "UPerHead", num_classes: 150 },
  };
  const classifier = {
    type: "ImageClassifier",
    backbone: { type: "ConvNeXt", arch: "atto", use_grn: true, layer_scale_init_value: 0, norm_cfg: { eps: 1e-5 } },
    head: { type: "LinearClsHead", num_classes: 7, in_channels: 320 },
  };

  test.each<[string, Json, Partial<Draft>]>([
    [
      "an official segmenter",
      { model: segmenter },
      { name: "small", grn: "none", layerScale: 1, head: { kind: "features", levels: [1, 2, 3, 4], norm: true } },
    ],
    [
      "a classifier",
      { model: classifier },
      {
        name: "atto",
        grn: "per_sample",
        layerScale: null,
        normEps: 1e-5,
        head: { kind: "classifier", classes: 7 },
      },
    ],
    ["the model alone", classifier, { name: "atto", head: { kind: "classifier", classes: 7 } }],
    [
      "a size of its own",
      {
        backbone: { type: "mmpretrain.ConvNeXt", arch: { depths: [1, 2, 1], channels: [8, 16, 24] }, out_indices: -1 },
      },
      { name: "model", head: { kind: "features", levels: [3], norm: true } },
    ],
  ])("%s", (_, config, expected) => {
    const result = read(config);
    expect(value(result).draft).toMatchObject(expected);
    expect(value(result).notes).toEqual([expect.stringMatching(/^of c\.json only the backbone .* the usual ones$/)]);
    specOf(result);
  });

  test("whose head has no number of classes", () => {
    const head = { num_classes: "seven" };
    expect(told(read({ model: { ...classifier, head } }))).toEqual([
      `import-field: 'model.head.num_classes' is "seven", but must be a number from 0`,
    ]);
    expect(told(read({ ...classifier, head }))).toEqual([
      `import-field: 'head.num_classes' is "seven", but must be a number from 0`,
    ]);
  });

  test("with the maps of all stages", () => {
    expect(value(read({ model: classifier }, { name: "maps", features: true })).draft).toMatchObject({
      name: "maps",
      head: { kind: "features", levels: [1, 2, 3, 4], norm: false },
    });
  });
});

describe("how pictures are prepared", () => {
  const side = (image_size: number | number[], more: Json = {}) => ({
    model_type: "convnextv2",
    layer_norm_eps: 1e-6,
    image_size,
    num_labels: 5,
    ...more,
  });
  const usualPictures = {
    image_processor_type: "ConvNextImageProcessor",
    size: { shortest_edge: 224 },
    crop_pct: 0.875,
    resample: 3,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  };
  const notesOf = (config: Json, pictures: Json) =>
    value(importJson({ json: config, file: "config.json" }, { json: pictures, file: "p.json" }, usual)).notes;

  test.each(["input 64x64x3", "input 384x384x3", "input 64x96x3", "input 64x64x1", "input 64x64x4", "input 64x64x12"])(
    "%s as compile writes it is nothing new",
    field => {
      const files = huggingfaceFiles(modelOf(spec(`${tiny}\n${field}`)), fileNames.f32, false);
      const [config = {}, pictures = {}] = files.map(({ contents }) => JSON.parse(`${contents}`) as Json);
      expect(notesOf(config, pictures)).toEqual([]);
    },
  );

  test.each<[string, Json, Json, readonly string[]]>([
    ["as published below 384", side(224), {}, []],
    [
      "as published at 384, where crop_pct says nothing",
      side(384),
      { size: { shortest_edge: 384 }, crop_pct: 0.5 },
      [],
    ],
    [
      "of another size, mean and filter",
      side(224),
      { size: { shortest_edge: 256 }, crop_pct: 0.8888888888888888, resample: 2, image_mean: [0.5, 0.5, 0.5] },
      [
        "p.json makes pictures 256x256; the input is 224x224",
        "pictures are prepared by the published way, not as the source says: mean [0.485,0.456,0.406], not [0.5,0.5,0.5]; " +
          'crop_pct 0.875, not 0.8888888888888888; interpolation "bicubic", not "bilinear"',
      ],
    ],
    [
      "with a crop of a larger picture, as others have it",
      side(224),
      {
        image_processor_type: "BitImageProcessor",
        size: { shortest_edge: 256 },
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
      },
      [],
    ],
    [
      "squashed where the middle is cut out",
      side(224),
      { image_processor_type: "ViTImageProcessor", size: 224 },
      [
        'pictures are prepared by the published way, not as the source says: crop_pct 0.875, not 1; crop_mode "center", not "squash"',
      ],
    ],
    [
      "squashed where all are",
      side([64, 96]),
      { image_processor_type: "ViTImageProcessor", size: { height: 64, width: 96 } },
      [],
    ],
    [
      "with defaults of the class",
      side(384),
      { size: null, resample: null, image_mean: null, image_std: null },
      [
        "pictures are prepared by the published way, not as the source says: mean [0.485,0.456,0.406], not [0.5,0.5,0.5]; " +
          'std [0.229,0.224,0.225], not [0.5,0.5,0.5]; interpolation "bicubic", not "bilinear"',
      ],
    ],
    [
      "of channels that no picture has",
      side(224, { num_channels: 12 }),
      {},
      ["there are no pictures of 12 channels: normalise what you run the model on as the source does"],
    ],
    [
      "of one channel, which is left as it is",
      side(224, { num_channels: 1 }),
      { image_mean: [0.5], image_std: [0.5] },
      ["pictures are prepared by the published way, not as the source says: mean [0], not [0.5]; std [1], not [0.5]"],
    ],
    [
      "without a step",
      side(224),
      { do_resize: false, rescale_factor: 1 },
      ["p.json has do_resize false; cnxc always does that", "rescale_factor is 1 / 255 with cnxc, not 1"],
    ],
  ])("%s", (_, config, change, notes) => {
    expect(notesOf(config, { ...usualPictures, ...change })).toEqual(notes);
  });

  test("of no model is told to be that", () => {
    expect(told(importJson({ json: usualPictures, file: "p.json" }, null, usual))).toEqual([
      expect.stringContaining("import-preprocessor: this is how transformers prepares pictures, no model"),
    ]);
  });
});

test.each<[string, ReturnType<typeof hubId>]>([
  ["timm/convnextv2_atto.fcmae_ft_in1k", { owner: "timm", name: "convnextv2_atto.fcmae_ft_in1k" }],
  ["hf-hub:timm/convnextv2_atto.fcmae_ft_in1k", { owner: "timm", name: "convnextv2_atto.fcmae_ft_in1k" }],
  ["hf_hub:me/flowers", { owner: "me", name: "flowers" }],
  ["https://hub.example/facebook/convnextv2-tiny-1k-224/", { owner: "facebook", name: "convnextv2-tiny-1k-224" }],
  ["me/model.v2", { owner: "me", name: "model.v2" }],
  ["runs/model.safetensors", null],
  ["runs/model.PTH", null],
  ["../flowers", null],
  ["./runs", null],
  ["/etc/flowers", null],
  ["a/b/c", null],
  ["flowers", null],
])("%s as the id of a hub", (text, id) => {
  expect(hubId(text)).toEqual(id);
});

describe("a name of timm", () => {
  test.each<[string, Partial<Draft>]>([
    ["convnextv2_atto", { name: "convnextv2_atto", grn: "per_sample", head: { kind: "classifier", classes: 1000 } }],
    [
      "convnextv2_huge.fcmae_ft_in22k_in1k_512",
      { name: "convnextv2_huge_512", input: { height: 512, width: 512, channels: 3 } },
    ],
    ["convnextv2_nano.fcmae", { head: { kind: "features", levels: [1, 2, 3, 4], norm: false } }],
    ["convnext_tiny.fb_in22k", { grn: "none", layerScale: 1e-6, head: { kind: "classifier", classes: 21841 } }],
    [
      "convnext_tiny.in12k_ft_in1k_384",
      { input: { height: 384, width: 384, channels: 3 }, head: { kind: "classifier", classes: 1000 } },
    ],
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
      head: { kind: "classifier", classes: 10 },
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
          act_layer: "gelu_tanh",
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
        activation: "gelu_tanh",
        normEps: 1e-3,
        grn: "per_sample",
        layerScale: 0.1,
        head: { kind: "classifier", classes: 7 },
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
    [
      "the weights' classes where nothing else is said",
      { num_classes: null },
      { head: { kind: "classifier", classes: 1000 } },
    ],
  ])("%s", (_, change, expected) => {
    const config = { ...published, ...change };
    expect(read(config).draft).toMatchObject(expected);
    specOf(importJson({ json: config, file: "config.json" }, null, usual));
  });

  test("of another network says which part", () => {
    expect(told(importJson({ json: { architecture: "convnext_tiny_hnf" }, file: "c" }, null, usual))).toEqual([
      "import-other-network: timm's 'convnext_tiny_hnf' is another network than a spec can say: its head normalises before it pools",
    ]);
  });
});

describe("a file of weights", () => {
  /** A file of a model's parameters, in a naming that can hold them. */
  const fileIn = (model: Model, to: (typeof dialects)[number]) => {
    const rows = value(paramsOf(model));
    const { tensors } = value(convertWeights(fileOf(rows), { to, allowUnused: to === "fcmae" }));
    return fileOf(tensors.map(({ name, shape }) => ({ name, shape })));
  };
  const big = "input 224x224x3";

  test.each(sizes)("%s, in every naming of classifiers", (name, fields) => {
    const model = modelOf(spec(fields, name));
    for (const dialect of ["official", "timm", "huggingface", "mmpretrain"] as const)
      expect(again(importCheckpoint(fileIn(model, dialect), usual)), dialect).toEqual(bare(model));
  });

  test.each([
    "kernel_size 3",
    "kernel_size [3, 5, 7]",
    "mlp_ratio 2",
    "stem patch 2",
    "input 224x224x1",
    "head classifier { classes 7 }",
    "head classifier { classes 0 }",
    "head features { levels [1, 2, 3] norm false }",
    "head features { levels [2, 3] norm true }",
    "head fcmae { patch_size 32 decoder { depth 2 dim 48 } }",
    "grn none\nlayer_scale 1e-6",
    "grn none",
  ])("%s", field => {
    const model = modelOf(spec(`${tiny}\n${field.startsWith("input") ? field : `${big}\n${field}`}`));
    expect(again(importCheckpoint(fileIn(model, "official"), usual))).toEqual(bare(model));
  });

  test("a state of pre-training", () => {
    const model = modelOf(spec(`${tiny}\n${big}\nhead fcmae { decoder { depth 2 dim 48 } }`));
    expect(again(importCheckpoint(fileIn(model, "fcmae"), usual))).toEqual(bare(model));
  });

  test("whose tensors do not say enough, or contradict one another", () => {
    const rows = value(paramsOf(modelOf(spec(`${tiny}\n${big}`))));
    const without = rows.filter(({ name }) => !name.includes("dwconv.weight"));
    expect(told(importCheckpoint(fileOf(without), usual))).toEqual([
      "import-unclear: the tensors do not say how many blocks each stage has",
    ]);
    const odd = rows.map(row => (row.name === "stages.1.0.norm.bias" ? { ...row, shape: [3] } : row));
    expect(told(importCheckpoint(fileOf(odd), usual))).toEqual([
      "import-misshapen: the other tensors contradict the shapes of 'stages.1.0.norm.bias'",
    ]);
  });
});
