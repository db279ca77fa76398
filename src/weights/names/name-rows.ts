/** Ways to name the same tensors. `official` is the PyTorch release's, and the one used everywhere else here. */
export const dialects = [
  "official",
  "timm",
  "timm_features",
  "huggingface",
  "dinov3",
  "mmpretrain",
  "torchvision",
  "fcmae",
] as const;
export type Dialect = (typeof dialects)[number];

/**
 * A length, or the name of one: two tensors that name the same have the same. `last` is the `dim` of the last stage,
 * `features` what the last layer of a head reads: that, or the `hidden` of a head with such a layer.
 */
export type Length = number | string;

/**
 * How dialects lay a tensor out: `plain` all as official, `grn`, `scale` and `linear` with other dimensions of 1, and
 * `kernel` in `fcmae` as its taps first, the row of a tap fastest.
 */
export type Layout = "plain" | "grn" | "scale" | "linear" | "kernel";

/** What a tensor is part of: a model with another head has no use for those of `head` and `decoder`. */
export type ModelPart = "trunk" | "head" | "decoder";

interface NameRow extends Readonly<Record<Dialect, string | null>> {
  readonly part: ModelPart;
  /** Of the weight, as official; a bias has its first length. */
  readonly shape: readonly Length[];
  readonly layout: Layout;
  /** The kind of stem that it is of, where timm's name is of another kind's too. */
  readonly stem?: StemKind;
}

/** Stems whose names in timm are those of others, by how many modules they have. */
export type StemKind = "patch" | "overlap" | "overlap_act";

/** What reconstructs, in pre-training: dense blocks, whatever the encoder's are, and no other dialect has them. */
const decoderRow = (name: string, shape: readonly Length[]): NameRow => ({
  ...{ part: "decoder", official: name, timm: null, timm_features: null, huggingface: null, dinov3: null },
  ...{ mmpretrain: null, torchvision: null, fcmae: name, shape, layout: "plain" },
});

/** A stem of timm alone, whose modules have names of their own here; `lengths` is of the weight's outputs and inputs. */
const stemRows = (
  stem: StemKind,
  modules: readonly (readonly [name: string, ...lengths: readonly Length[]])[],
): readonly NameRow[] =>
  modules.map(([name, ...lengths]) => ({
    ...timmRow(`downsample_layers.0.${name}.{p}`, `stem.${name.slice(-1)}.{p}`, [
      ...lengths,
      ...(lengths.length > 1 ? [3, 3] : []),
    ]),
    ...{ part: "trunk", timm_features: `stem_${name.slice(-1)}.{p}`, stem },
  }));

/** What heads of timm alone have; other dialects have no name for it. */
const timmRow = (name: string, timm: string, shape: readonly Length[]): NameRow => ({
  ...{ part: "head", official: name, timm, timm_features: null, huggingface: null, dinov3: null },
  ...{ mmpretrain: null, torchvision: null, fcmae: null, shape, layout: "plain" },
});

/**
 * Every tensor of a ConvNeXt, V1 and V2, classifier, backbone and masked autoencoder, in every dialect; null where a
 * dialect has none. In braces, what differs from tensor to tensor: `i` stage, `j` block, `s` stage from 1, `p` weight
 * or bias, `kernel` the same where a weight is called kernel, `base` and `encoder` a prefix that may be missing, `layer`
 * the place of the head's linear layer where that stands in a Sequential; `i+1` is a stage counted from 1, `2i+1` and `2s`
 * count stages and what lies between them in one row; `final` is the last stage where the file has the final LayerNorm of
 * a classifier. A further dialect is a further column.
 * Sources: facebookresearch/ConvNeXt-V2 models/convnextv2.py and, for `fcmae`, the training state of models/fcmae.py;
 * timm models/convnext.py, and models/_features.py for `timm_features`; transformers modeling_convnextv2.py and
 * modeling_dinov3_convnext.py; mmpretrain models/backbones/convnext.py; torchvision models/convnext.py; `norm{i}` is from
 * the detection code of facebookresearch/ConvNeXt.
 */
export const nameRows: readonly NameRow[] = [
  {
    part: "trunk",
    stem: "patch",
    official: "downsample_layers.0.0.{p}",
    timm: "stem.0.{p}",
    timm_features: "stem_0.{p}",
    huggingface: "{base}embeddings.patch_embeddings.{p}",
    dinov3: "stages.0.downsample_layers.0.{p}",
    mmpretrain: "backbone.downsample_layers.0.0.{p}",
    torchvision: "features.0.0.{p}",
    fcmae: "{encoder}downsample_layers.0.0.{p}",
    shape: ["dim0", "in", "patch", "patch"],
    layout: "plain",
  },
  {
    part: "trunk",
    stem: "patch",
    official: "downsample_layers.0.1.{p}",
    timm: "stem.1.{p}",
    timm_features: "stem_1.{p}",
    huggingface: "{base}embeddings.layernorm.{p}",
    dinov3: "stages.0.downsample_layers.1.{p}",
    mmpretrain: "backbone.downsample_layers.0.1.{p}",
    torchvision: "features.0.1.{p}",
    fcmae: "{encoder}downsample_layers.0.1.{p}",
    shape: ["dim0"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.0.{p}",
    timm: "stages.{s}.downsample.0.{p}",
    timm_features: "stages_{s}.downsample.0.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.0.{p}",
    dinov3: "stages.{s}.downsample_layers.0.{p}",
    mmpretrain: "backbone.downsample_layers.{s}.0.{p}",
    torchvision: "features.{2s}.0.{p}",
    fcmae: "{encoder}downsample_layers.{s}.0.ln.{p}",
    shape: ["dim{s-1}"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.1.{p}",
    timm: "stages.{s}.downsample.1.{p}",
    timm_features: "stages_{s}.downsample.1.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.1.{p}",
    dinov3: "stages.{s}.downsample_layers.1.{p}",
    mmpretrain: "backbone.downsample_layers.{s}.1.{p}",
    torchvision: "features.{2s}.1.{p}",
    fcmae: "{encoder}downsample_layers.{s}.1.{kernel}",
    shape: ["dim{s}", "dim{s-1}", 2, 2],
    layout: "kernel",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.dwconv.{p}",
    timm: "stages.{i}.blocks.{j}.conv_dw.{p}",
    timm_features: "stages_{i}.blocks.{j}.conv_dw.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.dwconv.{p}",
    dinov3: "stages.{i}.layers.{j}.depthwise_conv.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.depthwise_conv.{p}",
    torchvision: "features.{2i+1}.{j}.block.0.{p}",
    fcmae: "{encoder}stages.{i}.{j}.dwconv.{kernel}",
    shape: ["dim{i}", 1, "kernel{i}", "kernel{i}"],
    layout: "kernel",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.norm.{p}",
    timm: "stages.{i}.blocks.{j}.norm.{p}",
    timm_features: "stages_{i}.blocks.{j}.norm.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layernorm.{p}",
    dinov3: "stages.{i}.layers.{j}.layer_norm.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.norm.{p}",
    torchvision: "features.{2i+1}.{j}.block.2.{p}",
    fcmae: "{encoder}stages.{i}.{j}.norm.ln.{p}",
    shape: ["dim{i}"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv1.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc1.{p}",
    timm_features: "stages_{i}.blocks.{j}.mlp.fc1.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv1.{p}",
    dinov3: "stages.{i}.layers.{j}.pointwise_conv1.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.pointwise_conv1.{p}",
    torchvision: "features.{2i+1}.{j}.block.3.{p}",
    fcmae: "{encoder}stages.{i}.{j}.pwconv1.linear.{p}",
    shape: ["hidden{i}", "dim{i}"],
    layout: "linear",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.gamma",
    timm: "stages.{i}.blocks.{j}.mlp.grn.weight",
    timm_features: "stages_{i}.blocks.{j}.mlp.grn.weight",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.weight",
    dinov3: null,
    mmpretrain: "backbone.stages.{i}.{j}.grn.gamma",
    torchvision: null,
    fcmae: "{encoder}stages.{i}.{j}.grn.gamma",
    shape: [1, 1, 1, "hidden{i}"],
    layout: "grn",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.beta",
    timm: "stages.{i}.blocks.{j}.mlp.grn.bias",
    timm_features: "stages_{i}.blocks.{j}.mlp.grn.bias",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.bias",
    dinov3: null,
    mmpretrain: "backbone.stages.{i}.{j}.grn.beta",
    torchvision: null,
    fcmae: "{encoder}stages.{i}.{j}.grn.beta",
    shape: [1, 1, 1, "hidden{i}"],
    layout: "grn",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv2.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc2.{p}",
    timm_features: "stages_{i}.blocks.{j}.mlp.fc2.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv2.{p}",
    dinov3: "stages.{i}.layers.{j}.pointwise_conv2.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.pointwise_conv2.{p}",
    torchvision: "features.{2i+1}.{j}.block.5.{p}",
    fcmae: "{encoder}stages.{i}.{j}.pwconv2.linear.{p}",
    shape: ["dim{i}", "hidden{i}"],
    layout: "linear",
  },
  // The layer scale of V1.
  {
    part: "trunk",
    official: "stages.{i}.{j}.gamma",
    timm: "stages.{i}.blocks.{j}.gamma",
    timm_features: "stages_{i}.blocks.{j}.gamma",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layer_scale_parameter",
    dinov3: "stages.{i}.layers.{j}.gamma",
    mmpretrain: "backbone.stages.{i}.{j}.gamma",
    torchvision: "features.{2i+1}.{j}.layer_scale",
    fcmae: null,
    shape: ["dim{i}"],
    layout: "scale",
  },
  {
    part: "head",
    official: "norm.{p}",
    timm: "head.norm.{p}",
    timm_features: null,
    huggingface: "{base}layernorm.{p}",
    dinov3: "layer_norm.{p}",
    mmpretrain: "backbone.norm{final}.{p}",
    torchvision: "classifier.0.{p}",
    fcmae: null,
    shape: ["last"],
    layout: "plain",
  },
  // timm's stems of two convolutions: what stands at each place in the row.
  ...stemRows("overlap", [
    ["conv0", "middle", "in"],
    ["conv1", "dim0", "middle"],
    ["norm2", "dim0"],
  ]),
  ...stemRows("overlap_act", [
    ["conv0", "middle", "in"],
    ["conv2", "dim0", "middle"],
    ["norm3", "dim0"],
  ]),
  // timm's norm of the map, before it is pooled, and its hidden layer of a head.
  timmRow("norm_pre.{p}", "norm_pre.{p}", ["last"]),
  timmRow("pre_logits.fc.{p}", "head.pre_logits.fc.{p}", ["hidden", "last"]),
  {
    part: "head",
    official: "head{layer}.{p}",
    timm: "head.fc{layer}.{p}",
    timm_features: null,
    huggingface: "classifier{layer}.{p}",
    dinov3: null,
    mmpretrain: "head.fc{layer}.{p}",
    torchvision: "classifier.2{layer}.{p}",
    fcmae: null,
    shape: ["classes", "features"],
    layout: "plain",
  },
  // The LayerNorm of one level of a feature head.
  {
    part: "head",
    official: "norm{i}.{p}",
    timm: null,
    timm_features: null,
    huggingface: "hidden_states_norms.stage{i+1}.{p}",
    dinov3: null,
    mmpretrain: "backbone.norm{i}.{p}",
    torchvision: null,
    fcmae: null,
    shape: ["dim{i}"],
    layout: "plain",
  },
  decoderRow("mask_token", [1, "width", 1, 1]),
  decoderRow("proj.{p}", ["width", "last", 1, 1]),
  decoderRow("decoder.{j}.dwconv.{p}", ["width", 1, "taps", "taps"]),
  decoderRow("decoder.{j}.norm.{p}", ["width"]),
  decoderRow("decoder.{j}.pwconv1.{p}", ["inner", "width"]),
  decoderRow("decoder.{j}.grn.gamma", [1, 1, 1, "inner"]),
  decoderRow("decoder.{j}.grn.beta", [1, 1, 1, "inner"]),
  decoderRow("decoder.{j}.pwconv2.{p}", ["width", "inner"]),
  decoderRow("pred.{p}", ["pixels", "width", 1, 1]),
];
