import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { isObject } from "../json/shape.ts";
import { classifierOf, type Head } from "../model/model.ts";
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
  all,
  catchingFields,
  FieldError,
  type FieldTable,
  isCount,
  isFlag,
  isNumber,
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
import { networks } from "./timm-networks.ts";

/**
 * Arguments of the two backbones called ConvNeXt: that of the official detection and segmentation code (ConvNeXt,
 * semantic_segmentation/backbone/convnext.py), and MMPretrain's (mmpretrain/models/backbones/convnext.py).
 */
export const backboneFields: FieldTable = {
  ...all("read", ["type", "arch", "depths", "dims", "in_chans", "in_channels", "stem_patch_size", "use_grn"]),
  ...all("read", ["layer_scale_init_value", "out_indices", "gap_before_final_norm"]),
  act_cfg: { fields: { type: { only: ["GELU"] } } },
  norm_cfg: { fields: { type: { only: ["LN2d", "LN"] }, eps: "read", requires_grad: "harmless" } },
  ...all("harmless", ["linear_pw_conv", "drop_path_rate", "frozen_stages", "with_cp", "init_cfg", "pretrained"]),
};

/** The ConvNeXt in a config of OpenMMLab that was written as JSON, and where it stands; null where there is none. */
export function openmmlabBackbone(config: Json): { readonly backbone: Json; readonly path: string } | null {
  const inside = isObject(config.model);
  const { backbone } = isObject(config.model) ? config.model : config;
  if (!isObject(backbone) || !isText(backbone.type) || !/^(?:\w+\.)?ConvNeXt$/.test(backbone.type)) return null;
  return { backbone, path: inside ? "model.backbone." : "backbone." };
}

/** A model of the backbone: with the classes of an image classifier's head, else the maps that it gives. */
export const importOpenmmlab = (config: Json, file: string, options: ImportOptions): Result<Imported> =>
  catchingFields(file, () => {
    const { backbone, path } = openmmlabBackbone(config) ?? { backbone: {}, path: "" };
    const strange = unaccounted(backboneFields, backbone, path);
    const read = readerOf(backbone, path);
    const { depths, dims } = sizesOf(backbone, read, path);
    const scale = read("layer_scale_init_value", usualLayerScale, "a number from 0", isNumber);
    const official = read("in_chans", defaults.input.channels, "a number from 1", isSize);
    const channels = read("in_channels", official, "a number from 1", isSize);
    const input = { ...defaults.input, channels };
    const norm = isObject(backbone.norm_cfg) ? readerOf(backbone.norm_cfg, `${path}norm_cfg.`) : readerOf({});
    const head = options.features ? allFeatures(depths.length) : headOf(config, read, depths.length);
    return ok({
      draft: {
        ...defaults,
        name: options.name ?? publishedName({ depths, dims }) ?? "model",
        input,
        preprocess: usualPreprocess(input),
        stem: { patch: read("stem_patch_size", defaults.stem.patch, "a number from 1", isSize) },
        stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 0, kernel: defaultKernel })),
        normEps: norm("eps", defaults.normEps, "a number above 0", isPositive),
        grn: read("use_grn", false, "true or false", isFlag) ? "per_sample" : "none",
        layerScale: scale > 0 ? scale : null,
        head,
      },
      notes: [
        `of ${file} only the backbone${head.kind === "classifier" ? " and the number of classes are" : " is"} read: ` +
          "the size of the input and how pictures are prepared are the usual ones",
        ...unaccountedNotes(strange, file),
      ],
    });
  });

interface Sizes {
  readonly depths: readonly number[];
  readonly dims: readonly number[];
}

/** MMPretrain's sizes by name; the official code has those of `tiny` unless told otherwise. */
function sizesOf(backbone: Json, read: Reader, path: string): Sizes {
  const { arch = "tiny" } = backbone;
  if (isObject(arch)) return listsOf(readerOf(arch, `${path}arch.`), "channels", { depths: [], dims: [] });
  const name = read("arch", "tiny", "a size by name, or depths and channels", isText);
  const stages = (networks.get(`convnextv2_${name}`) ?? networks.get(`convnext_${name}`))?.stages;
  if (stages === undefined) throw new FieldError(`${path}arch`, name, "a size by name, or depths and channels");
  return listsOf(read, "dims", { depths: stages.map(({ depth }) => depth), dims: stages.map(({ dim }) => dim) });
}

function listsOf(read: Reader, dimsName: string, usual: Sizes): Sizes {
  const depths = read("depths", usual.depths, "a list of numbers from 1", isSizes);
  const isWhole = (value: unknown): value is readonly number[] => isSizes(value) && value.length === depths.length;
  return { depths, dims: read(dimsName, usual.dims, `a list of ${depths.length} numbers from 1`, isWhole) };
}

/** An image classifier pools what its backbone ends in; all others take the normalised maps of some stages. */
function headOf(config: Json, read: Reader, stages: number): Head {
  const { head } = isObject(config.model) ? config.model : config;
  const pools = read("gap_before_final_norm", true, "true or false", isFlag);
  const isStage = isOneOf(...Array.from({ length: 2 * stages }, (_, i) => i - stages));
  const isStages = (value: unknown): value is number | number[] =>
    isStage(value) || (Array.isArray(value) && value.length > 0 && value.every(isStage));
  const classifies = isObject(head) && pools;
  const usual = classifies ? -1 : Array.from({ length: stages }, (_, i) => i);
  const wanted = `a stage from 0 to ${stages - 1}, or a list of them`;
  const chosen = [read<number | number[]>("out_indices", usual, wanted, isStages)].flat();
  const levels = chosen.map(index => (index < 0 ? index + stages : index) + 1);
  if (!classifies || levels.join() !== `${stages}`) return { kind: "features", levels, norm: true };
  const ofHead = readerOf(head, isObject(config.model) ? "model.head." : "head.");
  return classifierOf(ofHead("num_classes", 0, "a number from 0", isCount));
}
