import type { Input } from "../../model/model.ts";

const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];
/** What the official evaluation crops off below 384 pixels; from there on it only resizes. */
const cropPct = 0.875;

/**
 * Image to `pixel_values` as `preprocessor_config.json` states it, with the constants of the official training. Square
 * images below 384 are resized and cropped; other input is resized to the size as it is.
 */
export function preprocessing({ height, width, channels }: Input): Readonly<Record<string, unknown>> {
  const square = height === width;
  const rgb = channels === mean.length;
  return {
    image_processor_type: square ? "ConvNextImageProcessor" : "ViTImageProcessor",
    do_resize: true,
    size: square ? { shortest_edge: height } : { height, width },
    ...(square ? { crop_pct: cropPct } : {}),
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: rgb,
    ...(rgb ? { image_mean: mean, image_std: std } : {}),
  };
}
