import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { isObject } from "../json/shape.ts";
import { filters, type Input } from "../model/model.ts";
import type { Json } from "./draft.ts";
import {
  all,
  catchingFields,
  FieldError,
  type FieldTable,
  field,
  isFlag,
  isNumbers,
  isOneOf,
  isPositive,
  isSize,
  isText,
  unaccounted,
  unaccountedNotes,
} from "./fields.ts";
import { type Prepared, type Preprocessing, plainPixels, prepared } from "./preprocessing.ts";

/** Source: transformers image_processing_convnext.py, image_processing_base.py, image_processing_utils_fast.py. */
export const preprocessorFields: FieldTable = {
  ...all("read", ["image_processor_type", "feature_extractor_type", "do_resize", "size", "crop_pct", "resample"]),
  ...all("read", ["do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize"]),
  ...all("read", ["image_mean", "image_std"]),
  ...all("harmless", ["processor_class", "_processor_class", "_valid_processor_keys", "device", "data_format"]),
  ...all("harmless", ["input_data_format", "return_tensors", "default_to_square", "disable_grouping"]),
  ...all("harmless", ["do_convert_rgb"]),
};

/** Whether it is how transformers prepares pictures, and so no model. */
export const isPreprocessor = (config: Json): boolean =>
  !Object.hasOwn(config, "model_type") &&
  ["image_processor_type", "feature_extractor_type", "image_mean", "do_normalize"].some(name =>
    Object.hasOwn(config, name),
  );

/** From this side on ConvNextImageProcessor resizes to the size as it is. */
const firstWarped = 384;

/** What a preprocessor_config.json says of pictures, for a model with that input, and what no spec says of it. */
export const importPreprocessor = (config: Json, file: string, input: Input): Result<Prepared> =>
  catchingFields(file, () => {
    const { size, ...stated } = statedBy(config, input.channels);
    const { preprocess, notes } = prepared(stated, input);
    const [height, width] = size ?? [input.height, input.width];
    const other = height !== input.height || width !== input.width;
    const resizes = field(config, "do_resize", true, "true or false", isFlag);
    return ok({
      preprocess,
      notes: [
        ...(other ? [`${file} makes pictures ${height}x${width}; the input is ${input.height}x${input.width}`] : []),
        ...notes,
        ...(resizes ? [] : [`${file} has do_resize false; cnxc always does that`]),
        ...unaccountedNotes(unaccounted(preprocessorFields, config), file),
      ],
    });
  });

interface Stated extends Preprocessing {
  /** [height, width] of what comes out, or null. */
  readonly size: readonly [number, number] | null;
}

/** What is left out has the default of ConvNextImageProcessor. */
function statedBy(config: Json, channels: number): Stated {
  const oldType = field(config, "feature_extractor_type", "ConvNextFeatureExtractor", "text", isText);
  const type = field(config, "image_processor_type", oldType, "text", isText);
  const normalizes = field(config, "do_normalize", true, "true or false", isFlag);
  const means = "a number from 0 a channel";
  const [mean, std] = [
    field(config, "image_mean", [0.5, 0.5, 0.5], means, isNumbers),
    field(config, "image_std", [0.5, 0.5, 0.5], means, isNumbers),
  ];
  const resample = field(config, "resample", 2, `a number from 0 to ${filters.length - 1}`, isOneOf(...filters.keys()));
  const rescales = field(config, "do_rescale", true, "true or false", isFlag);
  const factor = field(config, "rescale_factor", 1 / 255, "a number above 0", isPositive);
  // A spec's are of pixels from 0 to 1, whatever these are of.
  const scale = rescales ? round(255 * factor) : 255;
  const scaled = (values: readonly number[]) => values.map(value => (scale === 1 ? value : value / scale));
  const plain = normalizes ? { mean, std } : plainPixels(channels);
  return {
    mean: scaled(plain.mean ?? []),
    std: scaled(plain.std ?? []),
    interpolation: filters[resample],
    ...(/^ConvNext/.test(type) ? convnextCrop(config) : usualCrop(config)),
  };
}

/** 255 times what is written as 1 / 255, in so many digits or others. */
const round = (scale: number): number => (Math.abs(scale - 1) < 1e-6 ? 1 : scale);

type Crop = Pick<Stated, "size" | "resize" | "crop_pct" | "crop_mode">;

/** A side below 384 is what the middle is cut to, after a resize to side / crop_pct. */
function convnextCrop(config: Json): Crop {
  const [height, width] = sizeOf(config, "size", [firstWarped, firstWarped]);
  const pct = field(config, "crop_pct", 224 / 256, "a number above 0", isPositive);
  const crops = height < firstWarped;
  return { size: [height, width], crop_pct: crops ? pct : 1, crop_mode: crops ? "center" : "squash" };
}

/** A resize to the shorter side or to both, and a crop after it where it is asked for. */
function usualCrop(config: Json): Crop {
  const [height, width] = sizeOf(config, "size", [224, 224]);
  const squashes = !isObject(config.size) || !Object.hasOwn(config.size, "shortest_edge");
  if (!field(config, "do_center_crop", false, "true or false", isFlag))
    return { size: [height, width], crop_pct: 1, crop_mode: squashes ? "squash" : "none" };
  const cut = sizeOf(config, "crop_size", [height, width]);
  return squashes ? { size: cut, crop_pct: cut[0] / height, crop_mode: "squash" } : { size: cut, resize: height };
}

/** A number, as old versions have it, `shortest_edge`, or `height` and `width`. */
function sizeOf(config: Json, name: string, byDefault: readonly [number, number]): readonly [number, number] {
  const value = config[name] ?? null;
  if (value === null) return byDefault;
  if (isSize(value)) return [value, value];
  const { shortest_edge: edge, height, width } = isObject(value) ? value : {};
  if (isSize(edge)) return [edge, edge];
  if (isSize(height) && isSize(width)) return [height, width];
  throw new FieldError(name, value, "a number, shortest_edge, or height and width");
}
