import { describe, expect, test } from "vitest";
import type { Result } from "../../src/diagnostics/diagnostic.ts";
import { importJson, type NamedJson } from "../../src/import/config.ts";
import type { Imported, Json } from "../../src/import/draft.ts";
import type { Account, FieldTable } from "../../src/import/fields.ts";
import { convnextFields } from "../../src/import/huggingface-fields.ts";
import { backboneFields } from "../../src/import/openmmlab.ts";
import { preprocessorFields } from "../../src/import/preprocessor.ts";
import { flatHubFields, hubFields } from "../../src/import/timm-fields.ts";

const value = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.value;
};
const usual = { name: null, features: false };
const read = (json: Json, pictures: NamedJson | null = null): Result<Imported> =>
  importJson({ json, file: "config.json" }, pictures, usual);
/** All that comes out of a reading, an error too. */
const outcome = (result: Result<Imported>): unknown =>
  result.ok ? result.value : result.diagnostics.map(({ message }) => message);

/** As transformers and timm write them, in short: nothing in them is news. */
const transformers = { model_type: "convnextv2", layer_norm_eps: 1e-6, image_size: 224, num_labels: 5 };
const timm = { architecture: "convnextv2_atto", num_classes: 5, pretrained_cfg: {}, model_args: {} };
const flat = { architecture: "convnextv2_atto", num_classes: 5 };
const preprocessor = {
  image_processor_type: "ConvNextImageProcessor",
  size: { shortest_edge: 224 },
  resample: 3,
  image_mean: [0.485, 0.456, 0.406],
  image_std: [0.229, 0.224, 0.225],
};

interface Dialect {
  readonly table: FieldTable;
  readonly usual: Json;
  /** Reads a config with these fields in that part of it which the table is of. */
  readonly read: (fields: Json) => Result<Imported>;
  /** Other values of all fields that are read, with what has to stand beside some. */
  readonly others: Readonly<Record<string, unknown>>;
  readonly beside?: Readonly<Record<string, Json>>;
}

const partOf = (table: FieldTable, name: string): FieldTable => {
  const account = table[name];
  return typeof account === "object" && "fields" in account ? account.fields : {};
};
const ofWeights = {
  input_size: [3, 64, 64],
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  crop_pct: 0.95,
  crop_mode: "border",
  interpolation: "bilinear",
  test_input_size: [3, 288, 288],
  test_crop_pct: 1,
  label_names: ["cat", "dog"],
  num_classes: 7,
};
const ofTransformers = {
  architectures: ["ConvNextV2Model"],
  model_type: "convnext",
  id2label: { 0: "cat" },
  num_labels: 7,
  problem_type: "multi_label_classification",
};

const dialects: Readonly<Record<string, Dialect>> = {
  transformers: {
    table: convnextFields,
    usual: transformers,
    read: fields => read({ ...transformers, ...fields }),
    others: {
      ...ofTransformers,
      depths: [1, 1, 1, 1],
      hidden_sizes: [8, 16, 24, 40],
      num_stages: 3,
      hidden_act: "gelu_new",
      layer_norm_eps: 1e-5,
      layer_scale_init_value: 0.1,
      patch_size: 2,
      num_channels: 1,
      image_size: 64,
      out_features: ["stage2"],
      out_indices: [2],
    },
    beside: {
      layer_scale_init_value: { model_type: "convnext" },
      out_features: { architectures: ["ConvNextV2Backbone"] },
      out_indices: { architectures: ["ConvNextV2Backbone"] },
    },
  },
  "preprocessor_config.json": {
    table: preprocessorFields,
    usual: preprocessor,
    read: fields => read(transformers, { json: { ...preprocessor, ...fields }, file: "preprocessor_config.json" }),
    others: {
      image_processor_type: "ViTImageProcessor",
      feature_extractor_type: "ViTFeatureExtractor",
      do_resize: false,
      size: { shortest_edge: 256 },
      crop_pct: 0.95,
      resample: 2,
      do_center_crop: true,
      crop_size: 192,
      do_rescale: false,
      rescale_factor: 1,
      do_normalize: false,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    },
    beside: {
      feature_extractor_type: { image_processor_type: null },
      do_center_crop: { image_processor_type: "ViTImageProcessor", size: { shortest_edge: 224 } },
      crop_size: { image_processor_type: "ViTImageProcessor", do_center_crop: true },
    },
  },
  timm: {
    table: Object.fromEntries(Object.entries(hubFields).filter(([, account]) => !isPart(account))),
    usual: timm,
    read: fields => read({ ...timm, ...fields }),
    others: { ...ofTransformers, architecture: "convnextv2_femto", num_classes: 7, label_names: ["cat", "dog"] },
  },
  "pretrained_cfg of timm": {
    table: partOf(hubFields, "pretrained_cfg"),
    usual: {},
    read: fields => read({ ...timm, num_classes: null, pretrained_cfg: fields }),
    others: ofWeights,
    beside: { test_crop_pct: { test_input_size: [3, 288, 288] } },
  },
  "model_args of timm": {
    table: partOf(hubFields, "model_args"),
    usual: {},
    read: fields => read({ ...timm, model_args: fields }),
    others: {
      output_stride: 16,
      in_chans: 1,
      num_classes: 7,
      depths: [1, 1, 1, 1],
      dims: [8, 16, 24, 40],
      kernel_sizes: 5,
      ls_init_value: 0.1,
      patch_size: 2,
      use_grn: false,
      act_layer: "gelu_tanh",
      norm_eps: 1e-5,
      conv_bias: false,
      head_hidden_size: 12,
      head_norm_first: true,
      stem_type: "overlap_tiered",
      norm_layer: "rmsnorm2d",
    },
  },
  "a backbone of OpenMMLab": {
    table: backboneFields,
    usual: {},
    read: fields => mm(fields, {}),
    others: {
      type: "mmpretrain.ResNet",
      arch: "small",
      depths: [1, 1, 1, 1],
      dims: [8, 16, 24, 40],
      in_chans: 1,
      in_channels: 1,
      stem_patch_size: 2,
      use_grn: true,
      layer_scale_init_value: 0,
      out_indices: [1, 3],
      gap_before_final_norm: false,
    },
    beside: { gap_before_final_norm: { out_indices: 3 } },
  },
  "old configs of timm": {
    table: Object.fromEntries(Object.entries(flatHubFields).filter(([, account]) => !isPart(account))),
    usual: flat,
    read: fields => read({ ...flat, ...fields }),
    others: { ...ofTransformers, ...ofWeights, architecture: "convnextv2_femto" },
    beside: { test_crop_pct: { test_input_size: [3, 288, 288] } },
  },
};

/** A classifier of OpenMMLab, whose own sentence of what is read is left out. */
function mm(backbone: Json, head: Json): Result<Imported> {
  const model = {
    type: "ImageClassifier",
    backbone: { type: "ConvNeXt", ...backbone },
    head: { num_classes: 5, ...head },
  };
  const result = read({ model });
  return result.ok ? { ...result, value: { ...result.value, notes: result.value.notes.slice(1) } } : result;
}

function isPart(account: Account): boolean {
  return typeof account === "object" && "fields" in account;
}
const namesOf = (table: FieldTable, account: Account): readonly string[] =>
  Object.keys(table).filter(name => table[name] === account);

describe.each(Object.entries(dialects))("a config of %s", (_, { table, others, beside = {}, read, usual }) => {
  test("with what is usual has nothing to tell", () => {
    expect(value(read({})).notes).toEqual([]);
    expect(outcome(read(usual))).toEqual(outcome(read({})));
  });

  test("has another outcome with another value of each field that is read", () => {
    for (const name of namesOf(table, "read")) {
      expect(Object.keys(others), name).toContain(name);
      const context = beside[name] ?? {};
      expect(outcome(read({ ...context, [name]: others[name] })), name).not.toEqual(outcome(read(context)));
    }
  });

  test("has the same outcome and no word with any value of a harmless field", () => {
    for (const name of namesOf(table, "harmless"))
      for (const odd of ["odd", 3, [], {}]) expect(outcome(read({ [name]: odd })), name).toEqual(outcome(read({})));
  });

  test("is refused by each field that makes another network", () => {
    for (const [name, account] of Object.entries(table)) {
      if (typeof account !== "object" || !("only" in account)) continue;
      expect(outcome(read({ [name]: "odd" })), name).toEqual([
        expect.stringMatching(new RegExp(`^'(model_args\\.|model\\.backbone\\.)?${name}' is "odd", but must be `)),
      ]);
      for (const one of account.only) expect(outcome(read({ [name]: one })), name).toEqual(outcome(read({})));
    }
  });

  test("that has fields nobody knows says so in one note that names them", () => {
    const { notes } = value(
      read({ strange: 1, "st\u001brange": true, ["x".repeat(500)]: "", constructor: 2, none: null }),
    );
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^\w+\.json has fields that cnxc does not know, and leaves out: /);
    expect(notes[0]).toMatch(/strange', '.*st\\u\{1b\}range', '.*x… \(\+\d+ characters\)', '.*constructor'$/);
    expect(notes[0]).not.toContain("none");
  });

  test("that has many of them names twenty", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`strange${i}`, i]));
    expect(value(read(many)).notes).toEqual([expect.stringMatching(/strange19' and 80 more$/)]);
  });
});

describe("values that no field may have", () => {
  test.each<[string, Json]>([
    ["arch", { arch: "giant" }],
    ["arch", { arch: 3 }],
    ["arch.depths", { arch: { channels: [8, 16] } }],
    ["arch.channels", { arch: { depths: [1, 1], channels: [8] } }],
    ["depths", { depths: 3 }],
    ["dims", { dims: [8, 16] }],
    ["in_chans", { in_chans: 0 }],
    ["in_channels", { in_channels: "rgb" }],
    ["stem_patch_size", { stem_patch_size: 0 }],
    ["use_grn", { use_grn: 1 }],
    ["layer_scale_init_value", { layer_scale_init_value: "small" }],
    ["out_indices", { out_indices: [4] }],
    ["out_indices", { out_indices: [] }],
    ["gap_before_final_norm", { gap_before_final_norm: 0 }],
    ["act_cfg", { act_cfg: "GELU" }],
    ["act_cfg.type", { act_cfg: { type: "ReLU" } }],
    ["norm_cfg.type", { norm_cfg: { type: "BN" } }],
    ["norm_cfg.eps", { norm_cfg: { eps: 0 } }],
  ])("%s of a backbone of OpenMMLab", (field, backbone) => {
    expect(outcome(mm(backbone, {}))).toEqual([
      expect.stringMatching(new RegExp(`^'model.backbone.${field}' is .*, but must be `)),
    ]);
  });

  test.each<[string, Json]>([
    ["model_args", { ...timm, model_args: [] }],
    ["pretrained_cfg", { ...timm, pretrained_cfg: "x" }],
    ["label_names", { ...timm, label_names: "cat" }],
    ["problem_type", { ...timm, problem_type: "guessing" }],
    ["problem_type", { ...transformers, problem_type: 1 }],
    ["pretrained_cfg.mean", { ...timm, pretrained_cfg: { mean: 0.5 } }],
    ["pretrained_cfg.std", { ...timm, pretrained_cfg: { std: ["x"] } }],
    ["pretrained_cfg.crop_pct", { ...timm, pretrained_cfg: { crop_pct: 0 } }],
    ["pretrained_cfg.crop_mode", { ...timm, pretrained_cfg: { crop_mode: 1 } }],
    ["pretrained_cfg.interpolation", { ...timm, pretrained_cfg: { interpolation: 3 } }],
    ["pretrained_cfg.input_size", { ...timm, pretrained_cfg: { input_size: [224, 224] } }],
    ["pretrained_cfg.test_input_size", { ...timm, pretrained_cfg: { test_input_size: 288 } }],
    ["pretrained_cfg.test_crop_pct", { ...timm, pretrained_cfg: { test_crop_pct: "all" } }],
    ["input_size", { ...flat, input_size: 224 }],
    ["model_args.depths", { ...timm, model_args: { depths: 3 } }],
    ["model_args.dims", { ...timm, model_args: { dims: [8, 16] } }],
    ["model_args.dims", { ...timm, model_args: { depths: [1, 1] } }],
    ["model_args.kernel_sizes", { ...timm, model_args: { kernel_sizes: [7, 7] } }],
    ["model_args.in_chans", { ...timm, model_args: { in_chans: 0 } }],
    ["model_args.num_classes", { ...timm, model_args: { num_classes: -1 } }],
    ["model_args.ls_init_value", { ...timm, model_args: { ls_init_value: "small" } }],
    ["model_args.patch_size", { ...timm, model_args: { patch_size: 2.5 } }],
    ["model_args.use_grn", { ...timm, model_args: { use_grn: 1 } }],
    ["model_args.act_layer", { ...timm, model_args: { act_layer: "mish" } }],
    ["model_args.norm_eps", { ...timm, model_args: { norm_eps: 0 } }],
    ["model_args.stem_type", { ...timm, model_args: { stem_type: "conv" } }],
    ["global_pool", { ...timm, global_pool: "max" }],
    ["model_args.global_pool", { ...timm, model_args: { global_pool: "catavgmax" } }],
    ["model_args.output_stride", { ...timm, model_args: { output_stride: 16 } }],
    ["model_args.head_norm_first", { ...timm, model_args: { head_norm_first: 1 } }],
    ["model_args.conv_bias", { ...timm, model_args: { conv_bias: 0 } }],
    ["model_args.norm_layer", { ...timm, model_args: { norm_layer: "groupnorm" } }],
    ["model_args.features_only", { ...timm, model_args: { features_only: true } }],
    ["model_args.head_hidden_size", { ...timm, model_args: { head_hidden_size: -1 } }],
  ])("%s", (field, config) => {
    expect(outcome(read(config))).toEqual([expect.stringMatching(new RegExp(`^'${field}' is .*, but must be `))]);
  });

  test.each<[string, Json]>([
    ["image_processor_type", { image_processor_type: 1 }],
    ["feature_extractor_type", { feature_extractor_type: 1 }],
    ["size", { size: "big" }],
    ["size", { size: { longest_edge: 224 } }],
    ["crop_pct", { crop_pct: "all" }],
    ["crop_size", { image_processor_type: "ViTImageProcessor", do_center_crop: true, crop_size: [1] }],
    ["resample", { resample: 6 }],
    ["do_resize", { do_resize: "yes" }],
    ["do_rescale", { do_rescale: 1 }],
    ["do_center_crop", { image_processor_type: "ViTImageProcessor", do_center_crop: 1 }],
    ["do_normalize", { do_normalize: 1 }],
    ["rescale_factor", { rescale_factor: 0 }],
    ["image_mean", { image_mean: "grey" }],
    ["image_std", { image_std: [null] }],
  ])("%s of a preprocessor_config.json", (field, change) => {
    const result = read(transformers, { json: { ...preprocessor, ...change }, file: "preprocessor_config.json" });
    expect(outcome(result)).toEqual([expect.stringMatching(new RegExp(`^'${field}' is .*, but must be `))]);
  });
});
