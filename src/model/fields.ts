import {
  alsoCalled,
  type Fields,
  field,
  type IntegerType,
  integer,
  list,
  type NumberType,
  number,
  oneOrMany,
  own,
  positiveFloat,
  required,
  type Settings,
  word,
} from "./field-types.ts";
import {
  activations,
  decayRules,
  filters,
  grnScopes,
  layerDecayTypes,
  maxBatch,
  normLayers,
  overlaps,
  problems,
  storageTypes,
  targetNames,
} from "./model.ts";

/** Every field of the language. What a value may be stands here and nowhere else; what several fields must be
 * together stands in assemble.ts. */

const maxStages = 8;
const maxChannels = 65_536;
const channels = integer(1, maxChannels);
/** How many blocks a model may have in all is for assemble.ts to say. */
const depth = integer(1, Infinity);

const classifier = {
  classes: alsoCalled(field(integer(0, 1_000_000), "1000"), "num_classes", "num_labels", "nb_classes"),
  hidden_size: alsoCalled(field(channels), "head_hidden_size"),
  norm_first: alsoCalled(field({ kind: "flag" }, "false"), "head_norm_first"),
  labels: alsoCalled(field({ kind: "labels" }), "id2label", "label_names", "class_names"),
  problem: alsoCalled(field(word(problems), "single_label"), "problem_type", "multi_label"),
} as const;

const features = {
  levels: field(list(integer(1, maxStages), 1, maxStages, { empty: "empty-list", distinct: true })),
  norm: field({ kind: "flag" }, "false"),
  output_stride: field(integer(1, 32_768, "power of two")),
} as const;

const decoder = {
  depth: field(integer(1, 1024), "1"),
  dim: field(channels, "512"),
} as const;

const fcmae = {
  mask_ratio: field(number(0, 1, "open"), "0.6"),
  patch_size: field(integer(1, 65_536), "32"),
  decoder: field({ kind: "group", fields: decoder }, "{ depth 1  dim 512 }"),
  norm_pix_loss: field({ kind: "flag" }, "true"),
} as const;

/** Pixels are from 0 to 1; no mean of a data set is far from that. */
const level = number(-1000, 1000);
const perChannel = <T extends IntegerType | NumberType>(of: T) => oneOrMany(list(of, 1, maxChannels));

const preprocess = {
  mean: alsoCalled(field(perChannel(level), "that of ImageNet for RGB, else 0"), "image_mean", "pixel_mean"),
  std: alsoCalled(field(perChannel(positiveFloat), "that of ImageNet for RGB, else 1"), "image_std", "pixel_std"),
  bands: field(list(integer(0, 3), 1, maxChannels)),
  resize: alsoCalled(field({ kind: "optional", word: "squash", of: integer(1, 65_536) }), "size", "shortest_edge"),
  crop: alsoCalled(field(number(0.01, 1)), "crop_pct"),
  interpolation: alsoCalled(field(word(filters), "bicubic"), "resample", "filter"),
  display: field(list(integer(0, maxChannels - 1), 1, 4)),
} as const;

/** What configs elsewhere say of pictures beside all the rest. */
const ofPictures = Object.entries(preprocess).flatMap(([name, { elsewhere }]) => [name, ...elsewhere]);

export const modelFields = {
  depths: required(list(depth, 1, maxStages)),
  dims: alsoCalled(required(list(channels, 1, maxStages)), "hidden_sizes"),
  input: alsoCalled(
    field({ kind: "size", of: integer(1, 65_536) }, "224x224x3"),
    ...["input_size", "img_size", "image_size", "in_chans", "in_channels", "num_channels"],
  ),
  preprocess: alsoCalled(
    field({ kind: "group", fields: preprocess }),
    "preprocessing",
    "pretrained_cfg",
    ...ofPictures,
  ),
  head: alsoCalled(
    field({ kind: "choice", of: { classifier, features, fcmae } }, "classifier { classes 1000 }"),
    ...["num_classes", "num_labels", "classes", "head_hidden_size", "head_norm_first"],
  ),
  stem: alsoCalled(
    field({ kind: "measure", word: "patch", of: integer(1, 256, "power of two"), others: overlaps }, "patch 4"),
    ...["patch_size", "stem_patch_size", "stem_type"],
  ),
  kernel_size: alsoCalled(field(oneOrMany(list(integer(1, 63, "odd"), 1, maxStages)), "7"), "kernel_sizes"),
  mlp_ratio: field(integer(1, 64), "4"),
  activation: alsoCalled(field(word(activations), "gelu"), "act_layer", "hidden_act"),
  norm_layer: field(word(normLayers), "layernorm"),
  norm_eps: alsoCalled(field(positiveFloat, "1e-6"), "layer_norm_eps", "eps"),
  grn: alsoCalled(field(word(grnScopes), "per_sample"), "use_grn"),
  layer_scale: alsoCalled(
    field({ kind: "optional", word: "none", of: positiveFloat }, "none"),
    ...["ls_init_value", "layer_scale_init_value"],
  ),
  conv_bias: field({ kind: "flag" }, "true"),
  weights: own({ kind: "group", fields: { sha256: field({ kind: "digest" }) } }),
} as const;

/** The fields a model states or inherits, each with the place where it is stated. */
export type ModelSettings = Settings<typeof modelFields>;

/** What a child has of its parent's fields. */
export const inheritedFrom = (parent: ModelSettings): ModelSettings =>
  Object.fromEntries(Object.entries(parent).filter(([name]) => (modelFields as Fields)[name]?.inherited));

const some = { empty: "empty-list", distinct: true } as const;

export const buildFields = {
  models: field(oneOrMany(list({ kind: "reference" }, 1, 1024, some))),
  target: field(oneOrMany(list(word(targetNames), 1, targetNames.length, some))),
  dtype: field(oneOrMany(list(word(storageTypes, "unknown-dtype"), 1, storageTypes.length, some)), "f32"),
  batch: field({ kind: "batch", of: integer(1, maxBatch) }, "1"),
} as const;

/** Steps or epochs, far above what anybody waits for. */
const longest = 1_000_000_000;
const time = number(0, longest);

const adamw = {
  lr: field(positiveFloat, "1.5e-4  per 256"),
  per: field(integer(1, longest)),
  betas: field(list(number(0, 1, "open"), 2, 2)),
  weight_decay: field(number(0, 1), "0.05"),
  decays: field(word(decayRules), "default"),
  eps: field(positiveFloat, "1e-8"),
} as const;

const cosine = {
  warmup: field(time),
  total: field(time),
  first: field(time, "0"),
  min_lr: field(number(0, 1), "0"),
} as const;

/** Shares of a picture's area. Below a hundredth there is nothing to see. */
const share = number(0.01, 1);
/** Beyond this both images have a half each time. */
const concentration = number(0, 100);

const augment = {
  crop: alsoCalled(field({ kind: "range", of: share }), "scale", "random_resized_crop", "resized_crop"),
  flip: alsoCalled(field({ kind: "flag" }, "false"), "hflip", "horizontal_flip"),
  mixup: alsoCalled(field(concentration, "0"), "mixup_alpha"),
  cutmix: alsoCalled(field(concentration, "0"), "cutmix_alpha"),
} as const;

/** What recipes elsewhere say of augmentation beside all the rest. */
const augmentations = Object.entries(augment).flatMap(([name, { elsewhere }]) => [name, ...elsewhere]);

export const trainFields = {
  model: required({ kind: "reference" }),
  batch: field(integer(1, maxBatch), "64"),
  accumulate: field(integer(1, maxBatch), "1"),
  steps: field(integer(1, longest)),
  epochs: field(integer(1, longest)),
  optimizer: field({ kind: "choice", of: { adamw } }, "adamw"),
  schedule: field({ kind: "choice", of: { cosine } }, "cosine"),
  clip: field({ kind: "optional", word: "none", of: positiveFloat }, "none"),
  ema: field({ kind: "optional", word: "none", of: number(0, 1, "open") }, "none"),
  layer_decay: field({ kind: "optional", word: "none", of: number(0, 1) }, "none"),
  layer_decay_type: field(word(layerDecayTypes), "single"),
  drop_path: alsoCalled(field(number(0, 1, "half-open"), "0"), "drop_path_rate"),
  smoothing: alsoCalled(field(number(0, 1, "half-open"), "0"), "label_smoothing"),
  augment: alsoCalled(field({ kind: "group", fields: augment }), "augmentation", "transforms", ...augmentations),
  seed: field(integer(0, 0xffffffff), "0"),
  init: field({ kind: "optional", word: "official", of: positiveFloat }, "0.02"),
} as const;

export type TrainSettings = Settings<typeof trainFields>;
