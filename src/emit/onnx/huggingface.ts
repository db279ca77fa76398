import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import {
  type Activation,
  type Classifier,
  type Head,
  type Model,
  type Problem,
  usualProblem,
} from "../../model/model.ts";
import type { OutputFile } from "../target.ts";
import type { FloatType } from "./cast.ts";
import { preprocessing, processorProblem } from "./preprocessing.ts";

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
  { path: "preprocessor_config.json", contents: json(preprocessing(model)) },
];

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The class of transformers that the ONNX graph stands for; it has none for a masked autoencoder. */
const suffixes: Readonly<Record<Head["kind"], string | null>> = {
  classifier: "ForImageClassification",
  features: "Backbone",
  fcmae: null,
};

/** What transformers calls an activation. */
const hiddenAct: Readonly<Record<Activation, string>> = {
  gelu: "gelu",
  gelu_tanh: "gelu_pytorch_tanh",
  silu: "silu",
  relu: "relu",
};

/** Why a model cannot be laid out like this. */
export function huggingfaceProblems(model: Model): readonly Diagnostic[] {
  const { name, head, span } = model;
  const pictures = processorProblem(model);
  const dilated = head.kind === "features" && head.outputStride !== undefined;
  return [
    ...(suffixes[head.kind] === null ? [error("no-such-class", span, name, head.kind)] : []),
    ...(dilated ? [error("no-such-class", span, name, "features { output_stride }")] : []),
    ...(pictures === null ? [] : [error("no-such-processor", span, name, pictures)]),
  ];
}

/** What transformers calls what the logits are; left out it looks at the labels that training gives it. */
const problemTypes: Readonly<Record<Problem, string>> = {
  single_label: "single_label_classification",
  multi_label: "multi_label_classification",
};

function config(model: Model, names: FileNames, externalData: boolean): Readonly<Record<string, unknown>> {
  const { head, stages, input, stem } = model;
  const second = model.grn !== "none";
  const labels = head.kind === "classifier" ? labelsOf(head) : [];
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
    ...(head.kind === "classifier" && (head.labels !== null || head.problem !== usualProblem(head.classes))
      ? { problem_type: problemTypes[head.problem] }
      : {}),
    // Without a type it would look for a quantized model; without the list, not for the data file.
    "transformers.js_config": {
      dtype: names.dtype,
      ...(externalData ? { use_external_data_format: { [`${names.model}.onnx`]: true } } : {}),
    },
  };
}

/** Transformers counts where there are no names. */
const labelsOf = ({ classes, labels }: Classifier): readonly string[] =>
  labels ?? Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
