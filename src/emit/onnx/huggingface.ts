import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Activation, Head, Model } from "../../model/model.ts";
import type { OutputFile } from "../target.ts";
import type { FloatType } from "./cast.ts";
import { preprocessing } from "./preprocessing.ts";

/** Under which name transformers.js looks for a model, and what it calls the type. */
export interface FileNames {
  readonly model: string;
  readonly dtype: string;
}

export const fileNames = {
  f32: { model: "model", dtype: "fp32" },
  f16: { model: "model_fp16", dtype: "fp16" },
} as const satisfies Record<FloatType, FileNames>;

/** What makes the folder one that transformers.js loads: `config.json` and `preprocessor_config.json` beside `onnx/`. */
export const huggingfaceFiles = (model: Model, names: FileNames, externalData: boolean): readonly OutputFile[] => [
  { path: "config.json", contents: json(config(model, names, externalData)) },
  { path: "preprocessor_config.json", contents: json(preprocessing(model.input)) },
];

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The class of transformers that the ONNX graph stands for; it has none for a masked autoencoder. */
const suffixes: Readonly<Record<Head["kind"], string | null>> = {
  classifier: "ForImageClassification",
  features: "Backbone",
  fcmae: null,
};

/** What transformers calls an activation. */
const hiddenAct: Readonly<Record<Activation, string>> = { gelu: "gelu", gelu_tanh: "gelu_pytorch_tanh" };

/** Why a model cannot be laid out like this. */
export function huggingfaceProblems({ name, head, span }: Model): readonly Diagnostic[] {
  if (head.kind === "features" && head.outputStride !== undefined)
    return [error("no-such-class", span, name, "features { output_stride }")];
  return suffixes[head.kind] === null ? [error("no-such-class", span, name, head.kind)] : [];
}

function config(model: Model, names: FileNames, externalData: boolean): Readonly<Record<string, unknown>> {
  const { head, stages, input, stem } = model;
  const second = model.grn !== "none";
  const labels = head.kind === "classifier" ? Array.from({ length: head.classes }, (_, i) => `LABEL_${i}`) : [];
  return {
    model_type: second ? "convnextv2" : "convnext",
    architectures: [`${second ? "ConvNextV2" : "ConvNext"}${suffixes[head.kind]}`],
    depths: stages.map(stage => stage.depth),
    hidden_sizes: stages.map(stage => stage.dim),
    num_stages: stages.length,
    patch_size: stem.patch,
    num_channels: input.channels,
    image_size: input.height === input.width ? input.height : [input.height, input.width],
    hidden_act: hiddenAct[model.activation],
    layer_norm_eps: model.normEps,
    // Left out, V1 would have one of 1e-6.
    ...(second && model.layerScale === null ? {} : { layer_scale_init_value: model.layerScale ?? 0 }),
    ...(head.kind === "features" ? { out_features: head.levels.map(level => `stage${level}`) } : {}),
    id2label: Object.fromEntries(labels.map((label, i) => [`${i}`, label])),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    // Without a type it would look for a quantized model; without the list, not for the data file.
    "transformers.js_config": {
      dtype: names.dtype,
      ...(externalData ? { use_external_data_format: { [`${names.model}.onnx`]: true } } : {}),
    },
  };
}
