import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { isObject } from "../json/shape.ts";
import { oneOfWords } from "../model/legal.ts";
import {
  type Activation,
  activations,
  type Classifier,
  type Head,
  type Input,
  type NormLayer,
  normLayers,
  overlapStride,
  overlaps,
  type Stem,
  totalStride,
} from "../model/model.ts";
import { allFeatures, defaultKernel, defaults, type Imported, type ImportOptions, type Json } from "./draft.ts";
import {
  catchingFields,
  field,
  isCount,
  isFlag,
  isNames,
  isNumber,
  isNumbers,
  isOneOf,
  isPositive,
  isSize,
  isSizes,
  isText,
  type Reader,
  readerOf,
  unaccounted,
  unaccountedNotes,
} from "./fields.ts";
import { named } from "./huggingface.ts";
import { type Preprocessing, prepared } from "./preprocessing.ts";
import { draftOf, headOf, isTimmName, networkOf, testedNotes } from "./timm.ts";
import { flatHubFields, hubFields } from "./timm-fields.ts";
import type { Network } from "./timm-networks.ts";

export interface TimmConfig extends Json {
  readonly architecture: string;
}

export const isTimmConfig = (config: Json): config is TimmConfig =>
  typeof config.architecture === "string" && isTimmName(config.architecture);

/**
 * A config.json as timm pushes it to a hub: the name of a network, the arguments that change it, and what its weights
 * want of pictures. As in timm an argument goes before what stands beside it. 0 classes are an encoder.
 */
export function importTimmConfig(config: TimmConfig, file: string, options: ImportOptions): Result<Imported> {
  const network = networkOf(config.architecture);
  return network.ok ? catchingFields(file, () => ok(importedFrom(config, network.value, file, options))) : network;
}

function importedFrom(config: TimmConfig, network: Network, file: string, options: ImportOptions): Imported {
  const weights = weightsOf(config);
  const args = argsOf(config);
  const strange = unaccounted(weights.isFlat ? flatHubFields : hubFields, config);
  const changed = changedBy(args, network);
  const input = inputOf(weights.read, args.read);
  const classes = classesOf(config, weights.read, args.read);
  const stem = stemOf(args, network);
  const stages = changed.stages.length;
  const plain = options.features ? allFeatures(stages) : headOf(classes === 0 ? null : classes, changed);
  const bare = withOutputStride(plain, args, stem, stages);
  const { head, notes } = bare.kind === "classifier" ? namedBy(config, weights.read, bare) : { head: bare, notes: [] };
  const { preprocess, notes: ofPictures } = prepared(preprocessingOf(weights.read), input);
  return {
    draft: {
      ...draftOf(changed, { name: options.name ?? config.architecture, input, preprocess, head }),
      stem,
      activation: activationOf(args, network),
    },
    notes: [...ofPictures, ...testNotes(weights.read, input), ...notes, ...unaccountedNotes(strange, file)],
  };
}

/** timm's strides of the last map. */
const outputStrides = [8, 16, 32];

/** A head with a map's least size, where that is above what all strides together leave; a classifier has none. */
function withOutputStride(head: Head, { read }: Arguments, stem: Stem, stages: number): Head {
  const total = totalStride(stem.patch, stages);
  const isMaps = head.kind === "features";
  const legal = isMaps ? outputStrides : outputStrides.filter(stride => stride >= total);
  const wanted = `${oneOfWords(legal.map(String))}${isMaps ? "" : ` of a classifier: --features takes other maps`}`;
  const outputStride = read("output_stride", 32, wanted, isOneOf(...legal));
  return isMaps && outputStride < total ? { ...head, outputStride } : head;
}

/** What belongs to the weights; old versions have it beside the name of the network. */
function weightsOf(config: TimmConfig): { readonly isFlat: boolean; readonly read: Reader } {
  const inside = field(config, "pretrained_cfg", null, "an object", isSection);
  return { isFlat: inside === null, read: inside === null ? readerOf(config) : readerOf(inside, "pretrained_cfg.") };
}

interface Arguments {
  readonly given: Json;
  readonly read: Reader;
}

function argsOf(config: TimmConfig): Arguments {
  const given = field(config, "model_args", null, "an object", isSection) ?? {};
  return { given, read: readerOf(given, "model_args.") };
}

const isSection = (value: unknown): value is Json | null => value === null || isObject(value);

/** A network as the arguments of timm's function change it. */
function changedBy(args: Arguments, { normLayer, convBias, ...network }: Network): Network {
  const { given, read } = args;
  const wanted = "a list of numbers from 1";
  const depths = read(
    "depths",
    network.stages.map(({ depth }) => depth),
    wanted,
    isSizes,
  );
  const count = `a list of ${depths.length} numbers from 1, as many as depths has`;
  const hasAll = (value: unknown): value is number[] => isSizes(value) && value.length === depths.length;
  const dims = read(
    "dims",
    network.stages.map(({ dim }) => dim),
    count,
    hasAll,
  );
  const isKernels = (value: unknown): value is number | number[] => isSize(value) || hasAll(value);
  const usualKernels = depths.map((_, i) => network.stages[i]?.kernel ?? defaultKernel);
  const kernels = read<number | number[]>("kernel_sizes", usualKernels, `a number from 1, or ${count}`, isKernels);
  const second = read("use_grn", network.grn !== "none", "true or false", isFlag);
  // Null is an argument too, and leaves layer scale out.
  const scale = given.ls_init_value === null ? 0 : read("ls_init_value", network.layerScale ?? 0, "a number", isNumber);
  const { hiddenSize = 0, normFirst = false } = network.headStyle;
  // Null is an argument here too.
  const hidden = given.head_hidden_size === null ? 0 : read("head_hidden_size", hiddenSize, "a number from 0", isCount);
  const first = read("head_norm_first", normFirst, "true or false", isFlag);
  return {
    ...network,
    ...normOf(args, normLayer ?? "layernorm"),
    ...(read("conv_bias", convBias ?? true, "true or false", isFlag) ? {} : { convBias: false }),
    stages: depths.map((depth, i) => ({
      depth,
      dim: dims[i] ?? 0,
      kernel: typeof kernels === "number" ? kernels : (kernels[i] ?? 0),
    })),
    grn: second ? "per_sample" : "none",
    layerScale: scale > 0 ? scale : null,
    normEps: read("norm_eps", network.normEps, "a number above 0", isPositive),
    headStyle: {
      ...(hidden > 0 ? { hiddenSize: hidden } : {}),
      ...(first ? { normFirst: true } : {}),
    },
  };
}

/** timm's names of norms: with or without 2d they compute the same. An empty one is none that is named. */
const normNames: ReadonlyMap<string, NormLayer> = new Map([
  ...normLayers.flatMap(name => [name, `${name}2d`].map(called => [called, name] as const)),
  ["", "layernorm"],
]);

function normOf({ read }: Arguments, normLayer: NormLayer): Pick<Network, "normLayer"> {
  const names = [...normNames.keys()];
  const wanted = oneOfWords(names.filter(name => name !== ""));
  const layer = normNames.get(read<string>("norm_layer", normLayer, wanted, isOneOf(...names)));
  return layer === undefined || layer === "layernorm" ? {} : { normLayer: layer };
}

/** `patch_size` is about a stem of patches alone. */
function stemOf({ read }: Arguments, { stem }: Network): Stem {
  const types = ["patch", ...overlaps] as const;
  const type = read("stem_type", stem.overlap ?? "patch", oneOfWords(types), isOneOf(...types));
  const patch = read("patch_size", defaults.stem.patch, "a number from 1", isSize);
  return type === "patch" ? { patch } : { patch: overlapStride, overlap: type };
}

/** timm's names for what the language has (timm layers/create_act.py). */
const activationNames: ReadonlyMap<string, Activation> = new Map([
  ...activations.map(name => [name, name] as const),
  ["swish", "silu"],
]);

function activationOf({ read }: Arguments, { activation }: Network): Activation {
  const names = [...activationNames.keys()];
  const name = read<string>("act_layer", activation, oneOfWords(names), isOneOf(...names));
  return activationNames.get(name) ?? activation;
}

const isInputSize = (value: unknown): value is number[] => isSizes(value) && value.length === 3;

function inputOf(weights: Reader, args: Reader): Input {
  const byDefault = [defaults.input.channels, defaults.input.height, defaults.input.width];
  const [channels = 0, height = 0, width = 0] = weights(
    "input_size",
    byDefault,
    "[channels, height, width]",
    isInputSize,
  );
  return { height, width, channels: args("in_chans", channels, "a number from 1", isSize) };
}

function classesOf(config: TimmConfig, weights: Reader, args: Reader): number {
  const wanted = "a number from 0";
  const ofWeights = weights("num_classes", defaults.head.classes, wanted, isCount);
  return args("num_classes", field(config, "num_classes", ofWeights, wanted, isCount), wanted, isCount);
}

/** How the weights want pictures. */
function preprocessingOf(weights: Reader): Preprocessing {
  const numbers = "a list of numbers from 0";
  return {
    mean: weights("mean", undefined, numbers, orNothing(isNumbers)),
    std: weights("std", undefined, numbers, orNothing(isNumbers)),
    crop_pct: weights("crop_pct", undefined, "a number above 0", orNothing(isPositive)),
    crop_mode: weights("crop_mode", undefined, "text", orNothing(isText)),
    interpolation: weights("interpolation", undefined, "text", orNothing(isText)),
  };
}

/** At which size timm tests the weights, where that is another. */
function testNotes(weights: Reader, input: Input): readonly string[] {
  const tested = weights("test_input_size", null, "[channels, height, width]", orNull(isInputSize));
  const crop = weights("test_crop_pct", null, "a number above 0", orNull(isPositive));
  return tested === null ? [] : testedNotes(tested.slice(1).join("x"), crop, input);
}

const orNothing =
  <T>(is: (value: unknown) => value is T) =>
  (value: unknown): value is T | undefined =>
    value === undefined || is(value);

const orNull =
  <T>(is: (value: unknown) => value is T) =>
  (value: unknown): value is T | null =>
    value === null || is(value);

/** Names stand beside the network, or with the weights; a config that went through transformers has its own. */
function namedBy(config: TimmConfig, weights: Reader, head: Classifier) {
  const inside = weights("label_names", null, "a list of texts", orNull(isNames));
  const names = field(config, "label_names", inside, "a list of texts", orNull(isNames));
  return names === null
    ? named(head, "id2label", config)
    : named(head, "label_names", { ...config, label_names: names });
}
