import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { isObject } from "../json/shape.ts";
import {
  type Activation,
  activations,
  type Classifier,
  classifierOf,
  type Head,
  type Input,
  type Problem,
} from "../model/model.ts";
import { usualPreprocess } from "../model/preprocess.ts";
import { publishedName } from "../weights/names/architecture.ts";
import {
  allFeatures,
  defaultKernel,
  defaults,
  type Imported,
  type ImportOptions,
  type Json,
  usualLayerScale,
} from "./draft.ts";
import {
  catchingFields,
  FieldError,
  field,
  inNote,
  isCount,
  isNames,
  isNumber,
  isOneOf,
  isPositive,
  isSize,
  isSizes,
  isText,
  unaccounted,
  unaccountedNotes,
} from "./fields.ts";
import { convnextFields } from "./huggingface-fields.ts";
import { importLabels } from "./labels.ts";

/** transformers' names for what the language has, by their formulas (transformers activations.py). */
const activationNames: { readonly [K in Activation]: readonly string[] } = {
  gelu: ["gelu", "gelu_python"],
  gelu_tanh: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"],
  silu: ["silu", "swish"],
  relu: ["relu"],
};
const activationOf: ReadonlyMap<unknown, Activation> = new Map(
  activations.flatMap(activation => activationNames[activation].map(name => [name, activation] as const)),
);

/** What transformers has in the last LayerNorm unless told otherwise; it has 1e-6 in all others whatever it is told. */
const usualEps = 1e-12;

/**
 * A config.json of transformers' ConvNeXt, ConvNeXt V2 or DINOv3's ConvNeXt, or of a detector or segmenter that holds one as
 * its backbone. What it leaves out has the default that the config's class gives it. Fields that change the model and that cnxc cannot
 * express are an error that names them. Source: transformers configuration_convnext.py, configuration_convnextv2.py.
 */
export const importConfig = (config: Json, file: string, options: ImportOptions): Result<Imported> =>
  catchingFields(file, () => {
    const backbone = backboneOf(config);
    if (backbone === null) return ok(draftOf(config, "ForImageClassification", file, options));
    const imported = draftOf(backbone, "Backbone", `the backbone_config of ${file}`, options);
    const whole = `${inNote(config.model_type)} holds a ConvNeXt in backbone_config, and that alone is read`;
    return ok({
      ...imported,
      notes: [`${whole}: what comes after it, labels too, is no part of the spec`, ...imported.notes],
    });
  });

/** The types that are read: the default of their eps, whether it is for all LayerNorms, and the one class they have if so. */
const types = {
  convnextv2: { eps: usualEps, ofAll: false, only: null },
  convnext: { eps: usualEps, ofAll: false, only: null },
  // V1 without a head. Source: transformers configuration_dinov3_convnext.py.
  dinov3_convnext: { eps: defaults.normEps, ofAll: true, only: "Model" },
} as const;
type TypeName = keyof typeof types;

const isConvNeXt = isOneOf(...(Object.keys(types) as readonly TypeName[]));

/** The ConvNeXt inside of another model, or null. */
function backboneOf({ model_type, backbone_config: backbone }: Json): Json | null {
  if (isConvNeXt(model_type) || !isObject(backbone)) return null;
  return isConvNeXt(backbone.model_type) ? backbone : null;
}

function draftOf(config: Json, usualClass: string, file: string, { name, features }: ImportOptions): Imported {
  const wanted = `${Object.keys(types).join(", ")}, or that of a backbone_config`;
  const type = field<string>(config, "model_type", "", wanted, isConvNeXt) as TypeName;
  const depths = field(config, "depths", [3, 3, 9, 3], "a list of numbers from 1", isSizes);
  const dims = field(config, "hidden_sizes", [96, 192, 384, 768], "a list of numbers from 1", isSizes);
  if (dims.length !== depths.length)
    throw new FieldError("hidden_sizes", dims, `a list of ${depths.length} numbers, as depths is`);
  field(config, "num_stages", depths.length, `${depths.length}, as depths has`, isOneOf(depths.length));
  const activation = activationOf.get(config.hidden_act ?? "gelu");
  if (activation === undefined)
    throw new FieldError("hidden_act", config.hidden_act, [...activationOf.keys()].join(", "));
  const eps = field(config, "layer_norm_eps", types[type].eps, "a number above 0", isPositive);
  const second = type === "convnextv2";
  const scale = second ? 0 : field(config, "layer_scale_init_value", usualLayerScale, "a number from 0", isNumber);
  const patch = field(config, "patch_size", 4, "a number from 1", isSize);
  const size = publishedName({ depths, dims });
  const input = inputOf(config);
  const { only } = types[type];
  const bare = features ? allFeatures(depths.length) : headOf(config, only ?? usualClass, depths.length, only);
  const { head, notes } = bare.kind === "classifier" ? named(bare, "id2label", config) : { head: bare, notes: [] };
  return {
    draft: {
      name: name ?? size ?? "model",
      input,
      preprocess: usualPreprocess(input),
      stem: { patch },
      stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 0, kernel: defaultKernel })),
      mlpRatio: defaults.mlpRatio,
      activation,
      normEps: eps === usualEps && !types[type].ofAll ? defaults.normEps : eps,
      grn: second ? "per_sample" : "none",
      layerScale: scale > 0 ? scale : null,
      head,
    },
    notes: [
      ...(types[type].ofAll ? [] : epsNotes(eps)),
      ...notes,
      ...unaccountedNotes(unaccounted(convnextFields, config), file),
    ],
  };
}

function epsNotes(eps: number): readonly string[] {
  if (eps === usualEps)
    return [
      "layer_norm_eps 1e-12 is transformers' for the last LayerNorm alone, the others have 1e-6: norm_eps is 1e-6",
    ];
  if (eps === defaults.normEps) return [];
  return [`layer_norm_eps ${eps} is transformers' for the last LayerNorm alone; norm_eps is that of all`];
}

/** What the logits of a classifier are to transformers; of values that are no classes a spec has no word. */
const problemTypes: ReadonlyMap<unknown, Problem | "regression" | null> = new Map([
  [null, null],
  ["single_label_classification", "single_label"],
  ["multi_label_classification", "multi_label"],
  ["regression", "regression"],
]);

/** A classifier with the names and the problem that a config of transformers' kind has for its classes. */
export function named(
  bare: Classifier,
  field: string,
  config: Json,
): { readonly head: Classifier; readonly notes: readonly string[] } {
  const problem = problemOf(config);
  const names = field === "id2label" ? config.id2label : config.label_names;
  const { labels, notes } =
    bare.classes === 0 || names === undefined || names === null
      ? { labels: null, notes: [] }
      : importLabels(field, names, bare.classes);
  const single = bare.classes === 1 && problem === "single_label";
  return {
    head: { ...bare, labels, problem: problem === null || problem === "regression" || single ? bare.problem : problem },
    notes: [
      ...notes,
      ...(problem === "regression"
        ? [
            "problem_type regression: the logits are the values themselves, so read them and not what cnxc classify shows",
          ]
        : []),
      ...(single ? ["problem_type single_label_classification of one class is 100 % always: it is multi_label"] : []),
    ],
  };
}

function problemOf(config: Json): Problem | "regression" | null {
  const isProblem = (v: unknown): v is string | null => v === null || isText(v);
  const stated = field(config, "problem_type", null, "null or text", isProblem);
  const problem = problemTypes.get(stated);
  if (problem === undefined)
    throw new FieldError("problem_type", stated, [...problemTypes.keys()].filter(isText).join(", "));
  return problem;
}

const isImageSize = (value: unknown): value is number | number[] =>
  isSize(value) || (isSizes(value) && value.length === 2);

function inputOf(config: Json): Input {
  const size = field<number | number[]>(config, "image_size", 224, "a number, or [height, width]", isImageSize);
  const [height = 0, width = 0] = typeof size === "number" ? [size, size] : size;
  return { height, width, channels: field(config, "num_channels", 3, "a number from 1", isSize) };
}

/** What the classes of transformers end in, and what comes out of them. */
const heads = new Map<string, (config: Json, stages: number) => Head>([
  ["ForImageClassification", config => classifierOf(classesOf(config))],
  ["Backbone", (config, stages) => ({ kind: "features", levels: levelsOf(config, stages), norm: true })],
  // The bare model pools and normalises, as a classifier of no classes does.
  ["Model", () => classifierOf(0)],
]);

/** The head of the class that `architectures` names; `only` is the one that there is. */
function headOf(config: Json, usualClass: string, stages: number, only: string | null): Head {
  const [architecture = usualClass] = field(config, "architectures", [], "a list of one class", isNames);
  const name = architecture.replace(/^(DINOv3)?ConvNext(V2)?/, "");
  const known = only === null ? [...heads.keys()] : [only];
  const head = known.includes(name) ? heads.get(name) : undefined;
  if (head === undefined)
    throw new FieldError("architectures", config.architectures, `the type's name with ${known.join(", ")}`);
  return head(config, stages);
}

/** transformers counts the labels; without any it has two. */
function classesOf(config: Json): number {
  const labels = config.id2label;
  if (typeof labels === "object" && labels !== null) return Object.keys(labels).length;
  return field(config, "num_labels", 2, "a whole number from 0", isCount);
}

/** `stem` and `stage1` to `stage4` by name, or counted from 0 with the stem; the last where neither is there. */
function levelsOf(config: Json, stages: number): readonly number[] {
  const names = ["stem", ...Array.from({ length: stages }, (_, i) => `stage${i + 1}`)];
  const wanted = `some of ${names.slice(1).join(", ")}`;
  const byName = field<string[] | null>(
    config,
    "out_features",
    null,
    wanted,
    (v): v is string[] | null => v === null || isNames(v),
  );
  const indices = config.out_indices;
  const byIndex = Array.isArray(indices)
    ? indices.map(index => (Number.isInteger(index) ? names.at(index) : undefined) ?? "")
    : null;
  const chosen = byName ?? byIndex ?? [names.at(-1) ?? ""];
  const levels = chosen.map(name => names.indexOf(name));
  if (levels.some(level => level < 1)) {
    const source = byName !== null ? "out_features" : "out_indices";
    throw new FieldError(source, config[source], `${wanted}; cnxc has no output for the stem`);
  }
  return levels;
}
