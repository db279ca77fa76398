import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { published } from "../embedded/published.ts";
import type { Head } from "../model/model.ts";
import { type Architecture, small } from "../weights/names/architecture.ts";
import {
  allFeatures,
  defaultKernel,
  defaults,
  type Imported,
  type ImportOptions,
  type Json,
  usualLayerScale,
} from "./draft.ts";

/** What V1 has beyond the sizes of V2. */
const xlarge = { name: "xlarge", depths: [3, 3, 27, 3], dims: [256, 512, 1024, 2048] };
const isInFirst = ({ name }: { readonly name: string }): boolean => name !== "huge";

/** timm's names up to the dot (timm models/convnext.py). */
const sizes: ReadonlyMap<string, Architecture> = new Map([
  ...[...published, small].map(size => [`convnextv2_${size.name}`, size] as const),
  ...[...published.filter(isInFirst), small, xlarge].map(size => [`convnext_${size.name}`, size] as const),
]);

/** Classes of the data set that a tag ends with. */
const classes: Readonly<Record<string, number>> = { in1k: 1000, in22k: 21841, in12k: 11821 };

export const isTimmName = (text: string): boolean => /^convnext(v2)?_[a-z0-9_]+(\.[a-z0-9_]+)?$/.test(text);

/**
 * A model by timm's name and, after a dot, the tag of its weights: the data set that it was trained on last, and the
 * side of its images where that is not 224. The tag `fcmae` is an encoder of pre-training, which has no head.
 */
export function importTimm(text: string, { name, features }: ImportOptions): Result<Imported> {
  const [model = "", tag = ""] = text.split(".");
  const size = sizes.get(model);
  if (size === undefined) return fail(error("import-unknown-model", null, model, nearestOf(sizes.keys())(model)));
  const side = /_(\d{3})$/.exec(tag)?.[1];
  const trained = side === undefined ? tag : tag.slice(0, -4);
  const head = headOf(trained, size.depths.length);
  if (head === null) return fail(error("import-unknown-tag", null, tag, Object.keys(classes)));
  const second = model.startsWith("convnextv2_");
  const pixels = side === undefined ? defaults.input.height : Number(side);
  return ok({
    draft: {
      ...defaults,
      name: name ?? `${model}${side === undefined ? "" : `_${side}`}`,
      input: { ...defaults.input, height: pixels, width: pixels },
      stages: size.depths.map((depth, i) => ({ depth, dim: size.dims[i] ?? 0, kernel: defaultKernel })),
      ...(second ? {} : { grn: "none" as const, layerScale: usualLayerScale }),
      head: features ? allFeatures(size.depths.length) : head,
    },
    notes: trained === "fcmae" && !features ? ["an encoder of pre-training has no head: the maps of all stages"] : [],
  });
}

/**
 * A config.json as timm pushes it to a hub: a name, a tag, and the size of the images and the number of classes, which
 * hold whatever the tag says. 0 classes are an encoder, as pre-training leaves it.
 */
export function importTimmConfig(config: TimmConfig, file: string, options: ImportOptions): Result<Imported> {
  const { architecture, num_classes: count, pretrained_cfg: trained } = config;
  const imported = importTimm(architecture, { ...options, name: options.name ?? architecture });
  if (!imported.ok) return imported;
  const { draft } = imported.value;
  const wrong = (field: string, value: unknown, wanted: string) =>
    fail(error("import-field", { file, offset: null }, field, JSON.stringify(value) ?? "not there", wanted));
  const size = trained?.input_size ?? [3, 224, 224];
  if (!Array.isArray(size) || size.length !== 3 || !size.every(Number.isInteger))
    return wrong("pretrained_cfg.input_size", size, "[channels, height, width]");
  const [channels = 0, height = 0, width = 0] = size as readonly number[];
  if (count !== undefined && !(Number.isInteger(count) && (count as number) >= 0))
    return wrong("num_classes", count, "a number from 0");
  const classes = (count as number | undefined) ?? 1000;
  const head: Head = classes === 0 ? allFeatures(draft.stages.length) : { kind: "classifier", classes };
  return ok({
    ...imported.value,
    draft: { ...draft, input: { height, width, channels }, head: options.features ? draft.head : head },
  });
}

export interface TimmConfig extends Json {
  readonly architecture: string;
  readonly num_classes?: unknown;
  readonly pretrained_cfg?: { readonly input_size?: unknown } | null;
}

export const isTimmConfig = (config: Json): config is TimmConfig =>
  typeof config.architecture === "string" && isTimmName(config.architecture);

function headOf(tag: string, stages: number): Head | null {
  if (tag === "") return defaults.head;
  if (tag === "fcmae") return allFeatures(stages);
  const trainedOn = tag.split("_").at(-1) ?? "";
  const found = Object.hasOwn(classes, trainedOn) ? classes[trainedOn] : undefined;
  return found === undefined ? null : { kind: "classifier", classes: found };
}
