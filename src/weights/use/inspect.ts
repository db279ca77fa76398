import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import type { Overlap } from "../../model/model.ts";
import { dtypeBytes, type FileDType } from "../dtype.ts";
import { type Architecture, architectureOf, type Decoder, decoderOf, publishedName } from "../names/architecture.ts";
import { neededShape, sharedLengths } from "../names/lengths.ts";
import type { Dialect } from "../names/names.ts";
import { officialParams, type RenamedFile, rename } from "../names/rename.ts";
import { elements, type TensorFile } from "../tensor.ts";

/** What a file can be good for. */
export type WeightsKind = keyof typeof kinds;

/** In this order, the first that holds. `has` knows whether a tensor of such an official name is there. */
const kinds = {
  "FCMAE training state": has => has(/^mask_token$/) || has(/^decoder\./),
  "FCMAE encoder": (_, dialect) => dialect === "fcmae",
  classifier: has => has(/^head\.weight$/),
  features: has => has(/^norm\d+\.weight$/),
  "pooled encoder": has => has(/^norm(_pre)?\.weight$/),
  encoder: () => true,
} as const satisfies Record<string, (has: (name: RegExp) => boolean, dialect: Dialect) => boolean>;

/** What a tensor file says of itself, without its data. Null where the file does not say it. */
export interface Inspection {
  readonly dialect: Dialect;
  readonly kind: WeightsKind;
  /** The published name of these depths and dims. */
  readonly size: string | null;
  readonly architecture: Architecture | null;
  readonly channels: number | null;
  readonly stemPatch: number | null;
  /** Two convolutions instead of a patch. */
  readonly overlap: Overlap | null;
  /** Of each stage. */
  readonly kernels: readonly (number | null)[];
  readonly mlpRatio: number | null;
  readonly classes: number | null;
  /** Of the layer before the last in a head that has one. */
  readonly hiddenSize: number | null;
  readonly decoder: (Decoder & { readonly patchSize: number | null }) | null;
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: Readonly<Partial<Record<FileDType, number>>>;
  /** Tensors that the dialect does not know, and those whose shape does not fit the others. */
  readonly unknown: readonly string[];
  readonly misshapen: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Recognises a file by its names and shapes. Fails where no name is known. */
export function inspectWeights(file: TensorFile): Result<Inspection> {
  const renamed = rename(file);
  if (!renamed.ok) return renamed;
  const { dialect, tensors, unknownTensors, problems } = renamed.value;
  const names = [...tensors.keys()];
  const params = officialParams(renamed.value);
  const architecture = architectureOf(params);
  const lengths = sharedLengths(renamed.value);
  const length = (name: string): number | null => lengths.get(name) ?? null;
  const all = [...file.tensors.values()];
  const sizes = all.map(({ shape, dtype }) => elements(shape) * dtypeBytes[dtype]);
  const inspection: Inspection = {
    dialect,
    kind: kindOf(names, dialect),
    size: architecture === null ? null : publishedName(architecture),
    architecture,
    channels: length("in"),
    stemPatch: length("patch"),
    overlap: overlapIn(names, length("middle"), length("dim0")),
    kernels: (architecture?.dims ?? []).map((_, i) => length(`kernel${i}`)),
    mlpRatio: ratio(length("hidden0"), length("dim0")),
    classes: length("classes"),
    hiddenSize: length("hidden"),
    decoder: decoderIn(renamed.value, length("pixels"), length("in")),
    parameters: params.reduce((sum, { shape }) => sum + elements(shape), 0),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    tensors: counts(all.map(({ dtype }) => dtype)),
    unknown: unknownTensors.map(({ name }) => name),
    misshapen: [...tensors.values()]
      .filter(found => found.shape?.join() !== neededShape(found, lengths).join())
      .map(({ tensor }) => tensor.name),
    metadata: Object.fromEntries(file.metadata),
  };
  return ok(inspection, problems);
}

const kindOf = (names: readonly string[], dialect: Dialect): WeightsKind => {
  const has = (pattern: RegExp): boolean => names.some(name => pattern.test(name));
  const found = Object.entries(kinds).find(([, holds]) => holds(has, dialect)) ?? ["encoder"];
  return found[0] as WeightsKind;
};

function overlapIn(names: readonly string[], between: number | null, dim: number | null): Overlap | null {
  if (names.includes("downsample_layers.0.conv2.weight")) return "overlap_act";
  if (!names.includes("downsample_layers.0.conv1.weight")) return null;
  return between === dim ? "overlap" : "overlap_tiered";
}

/** A whole ratio, or null. */
const ratio = (of: number | null, to: number | null): number | null =>
  of !== null && to !== null && to > 0 && of % to === 0 ? of / to : null;

function decoderIn(file: RenamedFile, pixels: number | null, channels: number | null): Inspection["decoder"] {
  const decoder = decoderOf(officialParams(file));
  if (decoder === null) return null;
  const area = ratio(pixels, channels);
  const side = area === null ? null : Math.sqrt(area);
  return { ...decoder, patchSize: Number.isInteger(side) ? side : null };
}

function counts(dtypes: readonly FileDType[]): Inspection["tensors"] {
  const found: Partial<Record<FileDType, number>> = {};
  for (const dtype of dtypes) found[dtype] = (found[dtype] ?? 0) + 1;
  return found;
}
