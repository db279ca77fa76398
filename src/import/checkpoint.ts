import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { classifierOf, type Head, overlapStride, totalStride } from "../model/model.ts";
import { usualPreprocess } from "../model/preprocess.ts";
import { publishedName } from "../weights/names/architecture.ts";
import { officialNames } from "../weights/names/rename.ts";
import type { TensorFile } from "../weights/tensor.ts";
import { type Inspection, inspectWeights, type WeightsKind } from "../weights/use/inspect.ts";
import { allFeatures, defaults, type HeadStyle, type Imported, type ImportOptions, usualLayerScale } from "./draft.ts";

/** Which head a file of each kind has the weights of; null where its shapes do not say enough. */
const heads: Readonly<Record<WeightsKind, (found: Inspection, names: readonly string[]) => Head | null>> = {
  "FCMAE training state": ({ decoder }) =>
    decoder === null || decoder.patchSize === null
      ? null
      : {
          kind: "fcmae",
          maskRatio: 0.6,
          patchSize: decoder.patchSize,
          decoder: { depth: decoder.depth, dim: decoder.dim },
          normPixLoss: true,
        },
  "FCMAE encoder": found => allFeatures(found.kernels.length),
  classifier: (found, names) =>
    found.classes === null ? null : { ...classifierOf(found.classes), ...styleOf(found, names) },
  features: (_, names) => ({ kind: "features", levels: levelsOf(names), norm: true }),
  "pooled encoder": (found, names) => ({ ...classifierOf(0), ...styleOf(found, names) }),
  encoder: found => allFeatures(found.kernels.length),
};

const styleOf = ({ hiddenSize }: Inspection, names: readonly string[]): HeadStyle => ({
  ...(hiddenSize === null ? {} : { hiddenSize }),
  ...(names.includes("norm_pre.weight") ? { normFirst: true } : {}),
});

const levelsOf = (names: readonly string[]): readonly number[] =>
  names
    .flatMap(name => /^norm(\d+)\.weight$/.exec(name)?.[1] ?? [])
    .map(stage => Number(stage) + 1)
    .sort((a, b) => a - b);

/** What tensors are part of: names without what stands behind the first number, or the second part. */
const modulesOf = (names: readonly string[]): readonly string[] =>
  [...new Set(names.map(name => /^[^.]*\.(?:[^.]*\.)?\d+(?=\.)|^[^.]*(?:\.[^.]*)?/.exec(name)?.[0] ?? name))].slice(
    0,
    20,
  );

/**
 * The model that a file has the weights of, by the names and shapes of its tensors. These do not say the size of the
 * images, the epsilons, the activation, or how an autoencoder masks: these have their defaults.
 */
export function importCheckpoint(file: TensorFile, { name, features }: ImportOptions): Result<Imported> {
  const inspected = inspectWeights(file);
  if (!inspected.ok) return inspected;
  const found = inspected.value;
  const place = { file: file.name, offset: null };
  const unclear = (what: string) => fail(error("import-unclear", place, what));
  const { architecture, channels, overlap, mlpRatio, kernels, misshapen } = found;
  const stemPatch = overlap === null ? found.stemPatch : overlapStride;
  const contradicted = error("import-misshapen", place, misshapen.slice(0, 20));
  if (found.unknown.length > 0 && (misshapen.length > 0 || channels === null)) {
    const other = error("import-other-network", place, modulesOf(found.unknown));
    return fail(misshapen.length > 0 ? withNote(other, contradicted.message) : other);
  }
  if (misshapen.length > 0) return fail(contradicted);
  if (architecture === null) return unclear("how many blocks each stage has");
  if (channels === null || stemPatch === null) return unclear("what the stem takes");
  if (mlpRatio === null) return unclear("an mlp_ratio that is a whole number");
  const names = officialNames(file);
  const head = features ? allFeatures(architecture.dims.length) : heads[found.kind](found, names);
  if (head === null) return unclear("what the head is");
  const stride = totalStride(stemPatch, architecture.dims.length);
  const unit = head.kind === "fcmae" ? head.patchSize : stride;
  const side = Math.ceil(defaults.input.height / unit) * unit;
  const input = { height: side, width: side, channels };
  const has = (ending: string) => names.some(name => name.startsWith("stages.") && name.endsWith(ending));
  // A norm without a bias is one of two: timm has trained the simple one alone.
  const hasNormBias = has(".norm.bias");
  const norm = hasNormBias ? "" : " and whether norm_layer is rmsnorm or simplenorm";
  const masking = head.kind === "fcmae" ? ", mask_ratio and norm_pix_loss" : "";
  return ok(
    {
      draft: {
        ...defaults,
        name: name ?? publishedName(architecture) ?? "model",
        input,
        preprocess: usualPreprocess(input),
        ...(hasNormBias ? {} : { normLayer: "simplenorm" }),
        ...(names.some(name => name.endsWith(".dwconv.bias")) ? {} : { convBias: false }),
        stem: overlap === null ? { patch: stemPatch } : { patch: stemPatch, overlap },
        stages: architecture.depths.map((depth, i) => ({
          depth,
          dim: architecture.dims[i] ?? 0,
          kernel: kernels[i] ?? 0,
        })),
        mlpRatio,
        grn: has(".grn.gamma") ? "per_sample" : "none",
        layerScale: names.some(name => /^stages\.\d+\.\d+\.gamma$/.test(name)) ? usualLayerScale : null,
        head,
      },
      notes: [
        `weights do not say input, activation, norm_eps${masking}${norm}: these are the usual ones, the input ${side}x${side}`,
      ],
    },
    inspected.diagnostics,
  );
}
