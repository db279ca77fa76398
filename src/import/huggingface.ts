import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { type Activation, activations, type Head, type Input } from "../model/model.ts";
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

/** Carries the field that stops a reading to whoever asked for it. */
class FieldError extends Error {
  readonly field: string;
  readonly value: unknown;
  readonly wanted: string;
  constructor(field: string, value: unknown, wanted: string) {
    super(field);
    this.field = field;
    this.value = value;
    this.wanted = wanted;
  }
}

/** transformers' names for what the language has, by their formulas (transformers activations.py). */
const activationNames: { readonly [K in Activation]: readonly string[] } = {
  gelu: ["gelu", "gelu_python"],
  gelu_tanh: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"],
};
const activationOf: ReadonlyMap<unknown, Activation> = new Map(
  activations.flatMap(activation => activationNames[activation].map(name => [name, activation] as const)),
);

/** What transformers has in the last LayerNorm unless told otherwise; it has 1e-6 in all others whatever it is told. */
const usualEps = 1e-12;

/**
 * A config.json of transformers' ConvNeXt or ConvNeXt V2. What it leaves out has the default that the config's class
 * gives it. Fields that change the model and that cnxc cannot express are an error that names them.
 * Source: transformers configuration_convnext.py, configuration_convnextv2.py.
 */
export function importConfig(config: Json, file: string, options: ImportOptions): Result<Imported> {
  try {
    return ok(draftOf(config, options));
  } catch (cause) {
    if (!(cause instanceof FieldError)) throw cause;
    return fail(fieldError(cause, file));
  }
}

const fieldError = ({ field, value, wanted }: FieldError, file: string): Diagnostic =>
  error("import-field", { file, offset: null }, field, JSON.stringify(value) ?? "not there", wanted);

function draftOf(config: Json, { name, features }: ImportOptions): Imported {
  const type = field(config, "model_type", "", "convnextv2 or convnext", isOneOf("convnextv2", "convnext"));
  const depths = field(config, "depths", [3, 3, 9, 3], "a list of numbers from 1", isSizes);
  const dims = field(config, "hidden_sizes", [96, 192, 384, 768], "a list of numbers from 1", isSizes);
  if (dims.length !== depths.length)
    throw new FieldError("hidden_sizes", dims, `a list of ${depths.length} numbers, as depths is`);
  field(config, "num_stages", depths.length, `${depths.length}, as depths has`, isOneOf(depths.length));
  const activation = activationOf.get(config.hidden_act ?? "gelu");
  if (activation === undefined)
    throw new FieldError("hidden_act", config.hidden_act, [...activationOf.keys()].join(", "));
  const eps = field(config, "layer_norm_eps", usualEps, "a number above 0", isPositive);
  const second = type === "convnextv2";
  const scale = second ? 0 : field(config, "layer_scale_init_value", usualLayerScale, "a number from 0", isNumber);
  const patch = field(config, "patch_size", 4, "a number from 1", isSize);
  const size = publishedName({ depths, dims });
  return {
    draft: {
      name: name ?? size ?? "model",
      input: inputOf(config),
      stem: { patch },
      stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 0, kernel: defaultKernel })),
      mlpRatio: defaults.mlpRatio,
      activation,
      normEps: eps === usualEps ? defaults.normEps : eps,
      grn: second ? "per_sample" : "none",
      layerScale: scale > 0 ? scale : null,
      head: features ? allFeatures(depths.length) : headOf(config, depths.length),
    },
    notes: [
      ...(eps === usualEps
        ? ["layer_norm_eps 1e-12 is transformers' for the last LayerNorm alone, the others have 1e-6: norm_eps is 1e-6"]
        : []),
      ...(eps !== usualEps && eps !== defaults.normEps
        ? [`layer_norm_eps ${eps} is transformers' for the last LayerNorm alone; norm_eps is that of all`]
        : []),
    ],
  };
}

/** A field's value, or its default where it is not there or null. */
function field<T>(config: Json, name: string, byDefault: T, wanted: string, is: (value: unknown) => value is T): T {
  const value = Object.hasOwn(config, name) ? (config[name] ?? byDefault) : byDefault;
  if (!is(value)) throw new FieldError(name, config[name], wanted);
  return value;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && value >= 0;
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isPositive = (value: unknown): value is number => typeof value === "number" && value > 0;
const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1;
const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(isSize);
const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every(v => typeof v === "string");
const isOneOf =
  <T>(...values: readonly T[]) =>
  (value: unknown): value is T =>
    values.includes(value as T);
const isImageSize = (value: unknown): value is number | number[] =>
  isSize(value) || (isSizes(value) && value.length === 2);

function inputOf(config: Json): Input {
  const size = field<number | number[]>(config, "image_size", 224, "a number, or [height, width]", isImageSize);
  const [height = 0, width = 0] = typeof size === "number" ? [size, size] : size;
  return { height, width, channels: field(config, "num_channels", 3, "a number from 1", isSize) };
}

/** What the classes of transformers end in, and what comes out of them. */
const heads = new Map<string, (config: Json, stages: number) => Head>([
  ["ForImageClassification", config => ({ kind: "classifier", classes: classesOf(config) })],
  ["Backbone", (config, stages) => ({ kind: "features", levels: levelsOf(config, stages), norm: true })],
  // The bare model pools and normalises, as a classifier of no classes does.
  ["Model", () => ({ kind: "classifier", classes: 0 })],
]);

/** The head of the class that `architectures` names: an image classifier where it names none. */
function headOf(config: Json, stages: number): Head {
  const [architecture = "ForImageClassification"] = field(config, "architectures", [], "a list of one class", isNames);
  const head = heads.get(architecture.replace(/^ConvNext(V2)?/, ""));
  if (head === undefined)
    throw new FieldError("architectures", config.architectures, `ConvNextV2 with ${[...heads.keys()].join(", ")}`);
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
