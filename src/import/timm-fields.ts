import { all, type FieldTable } from "./fields.ts";
import { transformersFields } from "./huggingface-fields.ts";

/** Arguments of timm's ConvNeXt (timm models/convnext.py). 1x1 convolutions compute what linear layers do. */
const argumentFields: FieldTable = {
  ...all("read", ["in_chans", "num_classes", "depths", "dims", "kernel_sizes", "ls_init_value", "patch_size"]),
  ...all("read", [
    "use_grn",
    "act_layer",
    "norm_eps",
    "conv_bias",
    "head_hidden_size",
    "head_norm_first",
    "stem_type",
    "norm_layer",
  ]),
  global_pool: { only: ["avg"] },
  output_stride: "read",
  features_only: { only: [false] },
  ...all("harmless", ["conv_mlp", "head_init_scale", "drop_rate", "drop_path_rate", "pretrained", "device", "dtype"]),
};

/** What timm has of weights: where they are from, what they are called, how pictures come to them. */
const pretrainedFields: FieldTable = {
  ...all("read", ["input_size", "mean", "std", "crop_pct", "crop_mode", "interpolation"]),
  ...all("read", ["test_input_size", "test_crop_pct", "label_names", "num_classes"]),
  // Which class is which is told by the labels alone, and weights bring no data of their own.
  ...all("harmless", ["url", "file", "hf_hub_id", "hf_hub_filename", "source", "custom_load", "tag", "architecture"]),
  ...all("harmless", [
    "license",
    "origin_url",
    "paper_name",
    "paper_ids",
    "notes",
    "description",
    "label_descriptions",
  ]),
  ...all("harmless", ["pool_size", "first_conv", "classifier", "fixed_input_size", "min_input_size", "state_dict"]),
};

/** A config that timm has pushed to a hub (timm models/_hub.py), or transformers as its wrapper of timm. */
export const hubFields: FieldTable = {
  ...transformersFields,
  // The name of timm's network and its classes hold instead.
  ...all("harmless", ["architectures", "model_type", "num_labels"]),
  ...all("read", ["architecture", "num_classes", "label_names"]),
  ...all("harmless", ["num_features", "feature_info", "label_descriptions", "library_name", "do_pooling"]),
  global_pool: { only: ["avg"] },
  pretrained_cfg: { fields: pretrainedFields },
  model_args: { fields: argumentFields },
};

/** The form of old versions: what belongs to the weights stands beside the name of the network. */
export const flatHubFields: FieldTable = { ...pretrainedFields, ...hubFields };
