/** Ways to name the same tensors. `official` is the PyTorch release's, and the one used everywhere else here. */
export const dialects = ["official", "timm", "huggingface", "mmpretrain", "fcmae"] as const;
export type Dialect = (typeof dialects)[number];

/** A length, or the name of one: two tensors that name the same have the same. `last` is the `dim` of the last stage. */
export type Length = number | string;

/**
 * How dialects lay a tensor out: `plain` all as official, `grn` and `linear` with other dimensions of 1, and `kernel` in
 * `fcmae` as its taps first, the row of a tap fastest.
 */
export type Layout = "plain" | "grn" | "linear" | "kernel";

/** What a tensor is part of: a model with another head has no use for those of `head` and `decoder`. */
export type ModelPart = "trunk" | "head" | "decoder";

interface NameRow extends Readonly<Record<Dialect, string | null>> {
  readonly part: ModelPart;
  /** Of the weight, as official; a bias has its first length. */
  readonly shape: readonly Length[];
  readonly layout: Layout;
}

/**
 * Every tensor of a ConvNeXt, V1 and V2, classifier, backbone and masked autoencoder, in every dialect; null where a
 * dialect has none. In braces, what differs from tensor to tensor: `i` stage, `j` block, `s` stage from 1, `p` weight
 * or bias, `kernel` the same where a weight is called kernel, `base` and `encoder` a prefix that may be missing; `i+1`
 * is a stage counted from 1; `final` is the last stage where the file has the final LayerNorm of a classifier. A
 * further dialect is a further column.
 * Sources: facebookresearch/ConvNeXt-V2 models/convnextv2.py and, for `fcmae`, the training state of models/fcmae.py;
 * timm models/convnext.py; transformers modeling_convnextv2.py; mmpretrain models/backbones/convnext.py; `norm{i}` is from the detection code of
 * facebookresearch/ConvNeXt.
 */
export const nameRows: readonly NameRow[] = [
  {
    part: "trunk",
    official: "downsample_layers.0.0.{p}",
    timm: "stem.0.{p}",
    huggingface: "{base}embeddings.patch_embeddings.{p}",
    mmpretrain: "backbone.downsample_layers.0.0.{p}",
    fcmae: "{encoder}downsample_layers.0.0.{p}",
    shape: ["dim0", "in", "patch", "patch"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "downsample_layers.0.1.{p}",
    timm: "stem.1.{p}",
    huggingface: "{base}embeddings.layernorm.{p}",
    mmpretrain: "backbone.downsample_layers.0.1.{p}",
    fcmae: "{encoder}downsample_layers.0.1.{p}",
    shape: ["dim0"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.0.{p}",
    timm: "stages.{s}.downsample.0.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.0.{p}",
    mmpretrain: "backbone.downsample_layers.{s}.0.{p}",
    fcmae: "{encoder}downsample_layers.{s}.0.ln.{p}",
    shape: ["dim{s-1}"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.1.{p}",
    timm: "stages.{s}.downsample.1.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.1.{p}",
    mmpretrain: "backbone.downsample_layers.{s}.1.{p}",
    fcmae: "{encoder}downsample_layers.{s}.1.{kernel}",
    shape: ["dim{s}", "dim{s-1}", 2, 2],
    layout: "kernel",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.dwconv.{p}",
    timm: "stages.{i}.blocks.{j}.conv_dw.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.dwconv.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.depthwise_conv.{p}",
    fcmae: "{encoder}stages.{i}.{j}.dwconv.{kernel}",
    shape: ["dim{i}", 1, "kernel{i}", "kernel{i}"],
    layout: "kernel",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.norm.{p}",
    timm: "stages.{i}.blocks.{j}.norm.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layernorm.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.norm.{p}",
    fcmae: "{encoder}stages.{i}.{j}.norm.ln.{p}",
    shape: ["dim{i}"],
    layout: "plain",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv1.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc1.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv1.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.pointwise_conv1.{p}",
    fcmae: "{encoder}stages.{i}.{j}.pwconv1.linear.{p}",
    shape: ["hidden{i}", "dim{i}"],
    layout: "linear",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.gamma",
    timm: "stages.{i}.blocks.{j}.mlp.grn.weight",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.weight",
    mmpretrain: "backbone.stages.{i}.{j}.grn.gamma",
    fcmae: "{encoder}stages.{i}.{j}.grn.gamma",
    shape: [1, 1, 1, "hidden{i}"],
    layout: "grn",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.beta",
    timm: "stages.{i}.blocks.{j}.mlp.grn.bias",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.bias",
    mmpretrain: "backbone.stages.{i}.{j}.grn.beta",
    fcmae: "{encoder}stages.{i}.{j}.grn.beta",
    shape: [1, 1, 1, "hidden{i}"],
    layout: "grn",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv2.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc2.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv2.{p}",
    mmpretrain: "backbone.stages.{i}.{j}.pointwise_conv2.{p}",
    fcmae: "{encoder}stages.{i}.{j}.pwconv2.linear.{p}",
    shape: ["dim{i}", "hidden{i}"],
    layout: "linear",
  },
  // The layer scale of V1.
  {
    part: "trunk",
    official: "stages.{i}.{j}.gamma",
    timm: "stages.{i}.blocks.{j}.gamma",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layer_scale_parameter",
    mmpretrain: "backbone.stages.{i}.{j}.gamma",
    fcmae: null,
    shape: ["dim{i}"],
    layout: "plain",
  },
  {
    part: "head",
    official: "norm.{p}",
    timm: "head.norm.{p}",
    huggingface: "{base}layernorm.{p}",
    mmpretrain: "backbone.norm{final}.{p}",
    fcmae: null,
    shape: ["last"],
    layout: "plain",
  },
  {
    part: "head",
    official: "head.{p}",
    timm: "head.fc.{p}",
    huggingface: "classifier.{p}",
    mmpretrain: "head.fc.{p}",
    fcmae: null,
    shape: ["classes", "last"],
    layout: "plain",
  },
  // The LayerNorm of one level of a feature head.
  {
    part: "head",
    official: "norm{i}.{p}",
    timm: null,
    huggingface: "hidden_states_norms.stage{i+1}.{p}",
    mmpretrain: "backbone.norm{i}.{p}",
    fcmae: null,
    shape: ["dim{i}"],
    layout: "plain",
  },
  // What reconstructs, in pre-training: dense blocks, whatever the encoder's are.
  {
    part: "decoder",
    official: "mask_token",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "mask_token",
    shape: [1, "width", 1, 1],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "proj.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "proj.{p}",
    shape: ["width", "last", 1, 1],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.dwconv.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.dwconv.{p}",
    shape: ["width", 1, "taps", "taps"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.norm.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.norm.{p}",
    shape: ["width"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.pwconv1.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.pwconv1.{p}",
    shape: ["inner", "width"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.grn.gamma",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.grn.gamma",
    shape: [1, 1, 1, "inner"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.grn.beta",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.grn.beta",
    shape: [1, 1, 1, "inner"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "decoder.{j}.pwconv2.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "decoder.{j}.pwconv2.{p}",
    shape: ["width", "inner"],
    layout: "plain",
  },
  {
    part: "decoder",
    official: "pred.{p}",
    timm: null,
    huggingface: null,
    mmpretrain: null,
    fcmae: "pred.{p}",
    shape: ["pixels", "width", 1, 1],
    layout: "plain",
  },
];
